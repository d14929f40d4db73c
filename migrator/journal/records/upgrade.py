"""The records of upgrades of one cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from pydantic import Field

from migrator.journal.records.base import Bound, Header, Record, Strict, written_as_text
from migrator.journal.records.codec import Codec
from migrator.model.upgrade import Hop, StepId, Workers
from migrator.model.verdict import Finding
from migrator.model.version import Version, parse_version

# The labels of migrator 0.1.0, whose journals have no identifiers of steps.
_STEP_OF_LABEL = {
    "CRI-O, crictl, CNI plugins": StepId.RUNTIME_PACKAGES,
    "service crio": StepId.RUNTIME_SERVICE,
    "kubeadm of the new version": StepId.KUBEADM_STAGED,
    "images": StepId.IMAGES,
    "patches": StepId.PATCHES,
    "etcd snapshot": StepId.SNAPSHOT,
    "settings saved": StepId.SETTINGS_SAVED,
    "kubeadm upgrade apply": StepId.CONTROL_PLANE_FIRST,
    "drain": StepId.DRAIN,
    "packages": StepId.PACKAGES,
    "sandbox image": StepId.SANDBOX_IMAGE,
    "kubelet restarted": StepId.KUBELET_RESTARTED,
    "node Ready": StepId.NODE_READY,
    "control plane stopped": StepId.CONTROL_PLANE_STOPPED,
    "settings restored": StepId.SETTINGS_RESTORED,
    "etcd restored": StepId.ETCD_RESTORED,
    "control plane started": StepId.CONTROL_PLANE_STARTED,
    "kubelet of before": StepId.KUBELET_RESTORED,
}
# In 0.1.0 the label of two different steps; the role of the node tells which.
_KUBEADM_UPGRADE_NODE = "kubeadm upgrade node"


def _step(step: StepId | None, role: str, label: str) -> StepId | None:
    if step is None and label == _KUBEADM_UPGRADE_NODE:
        return StepId.CONTROL_PLANE_OTHER if role == "control-plane" else StepId.NODE_SETTINGS
    return step or _STEP_OF_LABEL.get(label)


VersionText = Annotated[Version, written_as_text(parse_version)]
"""A version, written as `1.37.2`."""


@dataclass(slots=True, frozen=True, kw_only=True)
class RecordedHop(Strict):
    """A hop of the plan."""

    start: Annotated[VersionText, Field(alias="from")]
    target: Annotated[VersionText, Field(alias="to")]
    packages: dict[str, str]
    """Name to version."""
    workers: bool
    """Whether workers are part of it."""
    emulated: str = ""
    """The minor that the new control plane emulates at first."""

    @classmethod
    def of(cls, hop: Hop) -> RecordedHop:
        """Return the record of a hop."""
        return cls(start=hop.start, target=hop.target, packages=dict(hop.packages), workers=hop.workers, emulated=hop.emulated)

    @property
    def hop(self) -> Hop:
        """The hop that was recorded."""
        return Hop(self.start, self.target, self.packages, self.workers, self.emulated)


@dataclass(slots=True, frozen=True)
class AcceptedFinding(Strict):
    """A finding that was known when the upgrade began."""

    check: str
    subject: str
    reason: str

    @classmethod
    def of(cls, finding: Finding) -> AcceptedFinding:
        """Return the record of a finding."""
        return cls(finding.check, finding.subject, finding.reason)


@dataclass(slots=True, frozen=True, kw_only=True)
class UpgradeStarted(Record):
    """A plan was approved; from here on the journal alone determines the hops."""

    WORD = "upgrade-started"
    target: Annotated[VersionText, Field(alias="to")]
    workers: Workers
    hops: tuple[RecordedHop, ...]
    findings: tuple[AcceptedFinding, ...] = ()
    machines: dict[str, str] = field(default_factory=dict)
    """Node to its machine-id as the cluster told it; empty in journals of 0.1.0."""
    soak: float = 0.0
    """Seconds for which a new control plane emulates the old minor."""
    hold: bool = False
    """Whether it does so until a person runs `finish`."""


@dataclass(slots=True, frozen=True, kw_only=True)
class StepStarted(Record):
    """A step is about to run on a node."""

    WORD = "step"
    hop: str
    """Key of the hop."""
    node: str
    role: Literal["control-plane", "worker"]
    action: str
    """The label of the step, for people."""
    changes_control_plane: bool = False
    """From here on a rollback has something to reverse."""
    id: StepId | None = None
    """None in journals of 0.1.0."""

    @property
    def step(self) -> StepId | None:
        """The identifier of the step; None for a label that 0.1.0 never wrote."""
        return _step(self.id, self.role, self.action)


@dataclass(slots=True, frozen=True, kw_only=True)
class StepEnded(Record):
    """A step has ended on a node."""

    WORD = "step-done"
    hop: str
    """Key of the hop."""
    node: str
    role: Literal["control-plane", "worker"]
    action: str
    seconds: float
    id: StepId | None = None
    """None in journals of 0.1.0."""

    @property
    def step(self) -> StepId | None:
        """The identifier of the step; None for a label that 0.1.0 never wrote."""
        return _step(self.id, self.role, self.action)


@dataclass(slots=True, frozen=True)
class WindowOpened(Record):
    """Every control plane is new and emulates the old minor: until the hop is finished, a rollback loses nothing."""

    WORD = "window-opened"
    hop: str
    """Key of the hop."""


@dataclass(slots=True, frozen=True)
class FinishStarted(Record):
    """The new control plane is about to serve what only the new minor has: from here on a rollback needs the snapshot."""

    WORD = "finish-started"
    hop: str
    """Key of the hop."""


@dataclass(slots=True, frozen=True)
class HopEnded(Record):
    """All nodes that take part in a hop are at its version."""

    WORD = "hop-ended"
    hop: str
    """Key of the hop."""
    differences: tuple[str, ...] = ()
    """Settings that differ from those before the hop."""


@dataclass(slots=True, frozen=True)
class Cordoned(Record):
    """The upgrade is about to cordon a node; a node that a person has cordoned has no such record."""

    WORD = "cordoned"
    node: str


@dataclass(slots=True, frozen=True)
class Uncordoned(Record):
    """A node accepts pods again."""

    WORD = "uncordoned"
    node: str


@dataclass(slots=True, frozen=True)
class UpgradeEnded(Record):
    """All hops are done."""

    WORD = "upgrade-ended"


@dataclass(slots=True, frozen=True)
class UpgradeAborted(Record):
    """The upgrade was aborted."""

    WORD = "upgrade-aborted"


@dataclass(slots=True, frozen=True)
class HopRollbackStarted(Record):
    """The rollback of a hop begins."""

    WORD = "rollback-started"
    hop: str
    """Key of the hop."""
    from_snapshot: bool = False
    """Whether a person wants the snapshot although the control plane emulates the old minor, so that nothing had to be lost."""


@dataclass(slots=True, frozen=True)
class HopRollbackEnded(Record):
    """The cluster is in the state before the hop."""

    WORD = "rollback-ended"


NodeRecord = StepStarted | StepEnded | Cordoned | Uncordoned
WindowRecord = WindowOpened | FinishStarted
RunRecord = UpgradeStarted | HopEnded | UpgradeEnded | UpgradeAborted | HopRollbackStarted | HopRollbackEnded
UpgradeRecord = Header | Bound | NodeRecord | WindowRecord | RunRecord
"""Every record of the journal of a cluster's upgrades; no other record can be written or read."""

UPGRADE: Codec[UpgradeRecord] = Codec(get_args(UpgradeRecord))
