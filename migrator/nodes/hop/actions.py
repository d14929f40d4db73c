"""What a hop does to a node, in order, each with its identifier; `pulumi up` uses the same packages and the same waiting."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from migrator.model.upgrade import StepId
from migrator.nodes.action import Action
from migrator.nodes.hop import made_of
from migrator.nodes.hop.covered import Covered
from migrator.nodes.hop.emulation import FLAG, ControlPlaneEmulating, EmulationRaised
from migrator.nodes.hop.etcd import SettingsSaved, Snapshot
from migrator.nodes.hop.kubeadm import ControlPlaneUpgraded, ImagesPulled, KubeletRestarted, NodeSettingsUpgraded, Patches
from migrator.nodes.hop.runtime_trial import ProvenRuntime
from migrator.nodes.hop.second_server import CLUSTER_CONFIGURATION
from migrator.nodes.hop.staged import Staged
from migrator.nodes.membership import Ready
from migrator.nodes.packages import Packages
from migrator.nodes.runtime import SandboxImage
from migrator.nodes.spec import ClusterSpec, NodeSpec
from migrator.nodes.system import Service
from migrator.ports import Host

_RUNTIME = ("cri-o", "crictl", "cni-plugins")


@dataclass(slots=True, frozen=True)
class HopAction:
    """An action with the identifier that plans, journals and estimates know it by."""

    id: StepId
    action: Action

    @property
    def name(self) -> str:
        """What a person reads while it runs."""
        return self.action.name

    def done(self, host: Host) -> bool:
        """Return whether nothing is left to do."""
        return self.action.done(host)

    def run(self, host: Host) -> None:
        """Do it; called again after a failure, it continues."""
        self.action.run(host)


@dataclass(slots=True, frozen=True)
class HopSpec:
    """One hop as nodes see it."""

    cluster: ClusterSpec
    """The cluster after the hop: its version and packages."""
    saved_as: str
    """Name of what is saved on hosts before the hop."""
    applied: bool
    """Whether the hop has begun to change the control plane."""
    patches: tuple[tuple[str, bytes], ...]
    local_etcd: bool
    """Whether kubeadm runs etcd on the control planes."""
    control_plane_host: Host
    """The host whose kubectl is asked about nodes."""
    say: Callable[[str], None]
    """Shows kubeadm's progress."""
    alone: bool = False
    """Whether there is one control plane, and no other etcd or API server answers in its place."""
    emulated: str = ""
    """The minor that the new control plane emulates at first; empty: none."""

    @property
    def packages(self) -> Packages:
        """All packages."""
        return Packages(self.cluster.packages, self.cluster.package_source, trust=self.cluster.package_trust)

    @property
    def staged(self) -> Staged:
        """Kubeadm of the version after the hop, beside what is installed."""
        return Staged(self.packages)

    def ready(self, node: NodeSpec) -> Ready:
        """Return the wait for a node; its images are there already, so that only the stack's own word makes it longer."""
        ready = Ready(node, self.control_plane_host)
        return dataclasses.replace(ready, seconds=self.cluster.ready_seconds) if self.cluster.ready_timeout else ready

    @property
    def runtime_packages(self) -> Packages:
        """CRI-O and the packages that belong to it."""
        versions = {name: version for name, version in self.cluster.packages.items() if name in _RUNTIME}
        return dataclasses.replace(self.packages, versions=versions, name="CRI-O, crictl, CNI plugins")


def runtime(hop: HopSpec, node: NodeSpec) -> list[HopAction]:
    """Return what upgrades CRI-O on a node, proven there by a container; its other containers continue to run."""
    return [
        HopAction(StepId.RUNTIME_PACKAGES, ProvenRuntime(hop.runtime_packages)),
        HopAction(StepId.RUNTIME_SERVICE, Service("crio")),
        HopAction(StepId.NODE_READY, hop.ready(node)),
    ]


def prepared(hop: HopSpec, node: NodeSpec) -> list[HopAction]:
    """Return what a node needs before the cluster is changed; with its images present, no drain waits for a registry."""
    patches = [HopAction(StepId.PATCHES, Patches(hop.patches))] if hop.patches else []
    images = HopAction(StepId.IMAGES, ImagesPulled(hop.staged, hop.cluster, node.role))
    return [HopAction(StepId.KUBEADM_STAGED, hop.staged), images, *patches]


def saved(hop: HopSpec, node: NodeSpec) -> list[HopAction]:
    """Return what is saved of a node for a rollback."""
    if node.first and hop.local_etcd:
        return [HopAction(StepId.SNAPSHOT, Snapshot(hop.saved_as, begun=hop.applied))]
    return [HopAction(StepId.SETTINGS_SAVED, SettingsSaved(hop.saved_as))]


def control_plane(hop: HopSpec, node: NodeSpec) -> list[HopAction]:
    """Return what upgrades a node's part of the control plane."""
    step = StepId.CONTROL_PLANE_FIRST if node.first else StepId.CONTROL_PLANE_OTHER
    raising = bool(hop.emulated)
    # Where a version was emulated, etcd was restarted then, and is not again; nor is another one while nothing has changed since.
    unchanged = partial(made_of.is_same, version=hop.staged.version, flag=FLAG) if raising else _never
    upgraded = ControlPlaneUpgraded(hop.staged, hop.cluster, node.first, hop.say, raising=raising, unchanged=unchanged)
    alone = hop.alone and not raising
    covered = Covered(upgraded, hop.say, alone=alone, manifest=CLUSTER_CONFIGURATION, restarts_nothing=unchanged)
    return [HopAction(step, covered)]


def _never(_: Host) -> bool:
    return False


def emulating(hop: HopSpec, node: NodeSpec) -> list[HopAction]:
    """Return what makes a node's part of the control plane new, while it behaves as the old minor."""
    step = StepId.EMULATING_FIRST if node.first else StepId.EMULATING_OTHER
    emulates = ControlPlaneEmulating(hop.staged, hop.cluster, hop.emulated, hop.say)
    return [HopAction(step, Covered(emulates, hop.say, alone=hop.alone, manifest=CLUSTER_CONFIGURATION))]


def raised(hop: HopSpec, node: NodeSpec) -> list[HopAction]:
    """Return what ends the emulation on a node, and does what of kubeadm's work was left until then."""
    covered = Covered(EmulationRaised(hop.cluster.kubernetes_version), hop.say)
    return [HopAction(StepId.EMULATION_RAISED, covered), *control_plane(hop, node)]


def kubelet(hop: HopSpec, node: NodeSpec) -> list[HopAction]:
    """Return what upgrades a drained node's kubelet."""
    version, host = hop.cluster.kubernetes_version, hop.control_plane_host
    restarted = KubeletRestarted(node, version, host)
    covered = Covered(restarted, hop.say, alone=hop.alone) if node.role == "control-plane" else restarted
    settings = HopAction(StepId.NODE_SETTINGS, NodeSettingsUpgraded(hop.staged, hop.cluster, hop.say))
    return [
        HopAction(StepId.PACKAGES, hop.packages),
        HopAction(StepId.SANDBOX_IMAGE, SandboxImage(hop.cluster)),
        *([] if node.role == "control-plane" else [settings]),
        HopAction(StepId.KUBELET_RESTARTED, covered),
        HopAction(StepId.NODE_READY, hop.ready(node)),
    ]
