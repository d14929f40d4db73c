"""All that a hop does to a node, in order; the packages, the runtime and the waiting are the actions that `pulumi up` uses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from migrator.nodes.action import Action
from migrator.nodes.hop.etcd import SettingsSaved, Snapshot
from migrator.nodes.hop.kubeadm import ControlPlaneUpgraded, ImagesPulled, KubeletRestarted, NodeSettingsUpgraded, Patches
from migrator.nodes.hop.staged import Staged
from migrator.nodes.membership import Ready
from migrator.nodes.packages import Packages
from migrator.nodes.runtime import SandboxImage
from migrator.nodes.spec import ClusterSpec, NodeSpec
from migrator.nodes.system import Service
from migrator.ports import Host

_RUNTIME = ("cri-o", "crictl", "cni-plugins")


@dataclass(slots=True, frozen=True)
class HopSpec:
    """One hop as nodes see it."""

    cluster: ClusterSpec
    """The cluster as it will be: version and packages of the hop's end."""
    saved_as: str
    """Name of what is saved before it."""
    applied: bool
    """Whether it has begun to change the control plane."""
    patches: tuple[tuple[str, bytes], ...]
    local_etcd: bool
    say: Callable[[str], None]

    @property
    def packages(self) -> Packages:
        """All packages."""
        return Packages(self.cluster.packages, self.cluster.package_source)

    @property
    def staged(self) -> Staged:
        """Kubeadm of the hop's end, beside what is installed."""
        return Staged(self.packages)

    @property
    def snapshot(self) -> Snapshot:
        """The cluster's memory as it is before the hop."""
        return Snapshot(self.saved_as, begun=self.applied)

    @property
    def runtime_packages(self) -> Packages:
        """CRI-O and what goes with it."""
        versions = {name: version for name, version in self.cluster.packages.items() if name in _RUNTIME}
        return dataclasses.replace(self.packages, versions=versions, name="CRI-O, crictl, CNI plugins")


def runtime(hop: HopSpec, node: NodeSpec, through: Host) -> list[Action]:
    """Return what brings CRI-O to a node; its containers go on running. CRI-O goes first, everywhere."""
    return [hop.runtime_packages, Service("crio"), Ready(node, through)]


def prepared(hop: HopSpec, node: NodeSpec) -> list[Action]:
    """Return what a node gets before anything of the cluster is touched; with its images here, no drain waits for a registry."""
    patches: list[Action] = [Patches(hop.patches)] if hop.patches else []
    return [hop.staged, ImagesPulled(hop.staged, hop.cluster, node.role), *patches]


def saved(hop: HopSpec, node: NodeSpec) -> list[Action]:
    """Return what is kept of a node to go back to."""
    if node.first and hop.local_etcd:
        return [hop.snapshot]
    return [SettingsSaved(hop.saved_as)]


def control_plane(hop: HopSpec, node: NodeSpec) -> list[Action]:
    """Return what upgrades a node's part of the control plane."""
    return [ControlPlaneUpgraded(hop.staged, hop.cluster, node.first, hop.say)]


def kubelet(hop: HopSpec, node: NodeSpec, through: Host) -> list[Action]:
    """Return what upgrades a drained node's kubelet."""
    version = hop.cluster.kubernetes_version
    settings: list[Action] = [] if node.role == "control-plane" else [NodeSettingsUpgraded(hop.staged, hop.cluster, hop.say)]
    return [hop.packages, SandboxImage(hop.cluster), *settings, KubeletRestarted(node, version, through), Ready(node, through)]
