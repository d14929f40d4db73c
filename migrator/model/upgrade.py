"""What an upgrade in place consists of: hops, what each does to whom, and how a run is to go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from migrator.model.verdict import Finding, Severity
from migrator.model.version import Version


class Workers(StrEnum):
    """When workers are upgraded."""

    EACH_HOP = "each-hop"
    LAST = "last"
    """With the last hop only, as far as the skew policy lets kubelets stay behind (three minors)."""


class StepId(StrEnum):
    """Identifies a step of a hop, or of its rollback, in plans, journals and estimates; labels on screen may change."""

    RUNTIME_PACKAGES = "runtime-packages"
    RUNTIME_SERVICE = "runtime-service"
    KUBEADM_STAGED = "kubeadm-staged"
    IMAGES = "images"
    PATCHES = "patches"
    SNAPSHOT = "etcd-snapshot"
    SETTINGS_SAVED = "settings-saved"
    EMULATING_FIRST = "emulating-first"
    """`kubeadm upgrade apply`, emulating the old minor: from here on a rollback has something to reverse."""
    EMULATING_OTHER = "emulating-other"
    """The same on the other control planes."""
    SOAK = "soak"
    EMULATION_RAISED = "emulation-raised"
    """The control plane is the new minor in all that it serves: from here on a rollback needs the snapshot."""
    CONTROL_PLANE_FIRST = "control-plane-first"
    """`kubeadm upgrade apply`: from here on a rollback has something to reverse."""
    CONTROL_PLANE_OTHER = "control-plane-other"
    """`kubeadm upgrade node` on the other control planes."""
    API_VERSION = "api-version"
    POD_NETWORK = "pod-network"
    DRAIN = "drain"
    PACKAGES = "packages"
    SANDBOX_IMAGE = "sandbox-image"
    NODE_SETTINGS = "node-settings"
    """`kubeadm upgrade node` on a worker."""
    KUBELET_RESTARTED = "kubelet-restarted"
    NODE_READY = "node-ready"
    UNCORDON = "uncordon"
    SETTLED = "settled"
    CONTROL_PLANE_STOPPED = "control-plane-stopped"
    SETTINGS_RESTORED = "settings-restored"
    ETCD_RESTORED = "etcd-restored"
    CONTROL_PLANE_STARTED = "control-plane-started"
    KUBELET_RESTORED = "kubelet-restored"
    MANIFESTS_PUT_BACK = "manifests-put-back"


@dataclass(slots=True, frozen=True)
class StepTime:
    """How long a step took on one node."""

    role: Literal["control-plane", "worker"]
    step: StepId
    seconds: float


class Pause(StrEnum):
    """Where a run stops by itself."""

    NEVER = "never"
    AFTER_CONTROL_PLANE = "after-control-plane"
    EACH_NODE = "each-node"


@dataclass(slots=True, frozen=True)
class Hop:
    """One minor of the control plane, or one patch."""

    start: Version
    target: Version
    packages: Mapping[str, str]
    """Name to version of what is installed once the hop is done."""
    workers: bool
    """Whether workers go along."""
    emulated: str = ""
    """The minor that the new control plane emulates until `finish`, such as `1.36`; empty: the hop goes in one step."""

    @property
    def key(self) -> str:
        """Names the hop in journals and on hosts."""
        return f"{self.start}-to-{self.target}"

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "from": str(self.start),
            "to": str(self.target),
            "packages": dict(self.packages),
            "workers": self.workers,
        } | ({"emulated": self.emulated} if self.emulated else {})


@dataclass(slots=True, frozen=True)
class DrainRules:
    """What a drain may do to pods."""

    delete_emptydir_data: bool = False
    force: bool = False
    """Delete pods that no controller makes again."""
    disable_eviction: bool = False
    """Delete pods past their disruption budgets."""
    timeout: float = 600.0
    """Seconds for a node."""


@dataclass(slots=True, frozen=True)
class Soak:
    """How long a new control plane emulates the old minor before it is raised."""

    seconds: float = 0.0
    hold: bool = False
    """Whether a person raises it, by `finish`."""

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return self.hold or self.seconds > 0


NO_SOAK = Soak()


@dataclass(slots=True, frozen=True)
class RunOptions:
    """How one run goes; another run of the same upgrade may be given others."""

    pause: Pause = Pause.NEVER
    limit: frozenset[str] = frozenset()
    """Nodes; empty: all."""
    parallel: int = 1
    """Workers at a time."""
    drain: DrainRules = field(default_factory=DrainRules)
    finish: bool = False
    """Whether a person ends the soak."""
    ignored: frozenset[str] = frozenset()
    """Checks in spite of which the emulated version is raised."""


@dataclass(slots=True, frozen=True)
class NodeSummary:
    """A node as `kubectl get nodes` shows it."""

    name: str
    role: Literal["control-plane", "worker"]
    version: str
    ready: bool
    cordoned: bool
    runtime: str = ""

    @property
    def line(self) -> str:
        """The node as a line of a table."""
        state = ("Ready" if self.ready else "NotReady") + (",SchedulingDisabled" if self.cordoned else "")
        return f"{self.name:24} {state:26} {self.role:14} v{self.version:11} {self.runtime}"


@dataclass(slots=True, frozen=True)
class UpgradePlan:
    """What a person approves."""

    current: Version
    target: Version
    hops: tuple[Hop, ...]
    nodes: tuple[NodeSummary, ...]
    findings: tuple[Finding, ...]
    steps: Mapping[str, tuple[str, ...]]
    """Hop key to what is done, in order, node by node."""
    images: Mapping[str, tuple[str, ...]]
    """Hop key to the images that kubeadm asks for; empty where its package could not be read."""
    seconds: Mapping[str, float]
    """Hop key to the time that its steps took on this cluster before; without records a hop is left out."""
    kubeadm: Mapping[str, str]
    """What kubeadm of the first hop says itself: `plan` and `diff`."""

    one_step: Mapping[str, str] = field(default_factory=dict)
    """Hop key to the reason why its control plane is not raised in a step of its own."""

    @property
    def blocked(self) -> bool:
        """Whether something must be seen to first."""
        return any(item.severity is Severity.FAILURE for item in self.findings)


class RunState(StrEnum):
    """How a run ended."""

    DONE = "done"
    PAUSED = "paused"
    LEFT = "left"
    """It did what it was limited to; nodes were left out."""


@dataclass(slots=True, frozen=True)
class RunResult:
    """What came of a run."""

    state: RunState
    nodes: tuple[NodeSummary, ...]
    left: tuple[str, ...] = ()
    """What was not done, each with its reason."""
    differences: tuple[str, ...] = ()
    """Settings of kubelets and control planes that are others than before."""


@dataclass(slots=True, frozen=True)
class RollbackResult:
    """What came of a rollback."""

    nodes: tuple[NodeSummary, ...]
    left: tuple[str, ...] = ()
    """Workers that were not taken back, each with its reason."""
