"""What a node is to be: the one list of the settings that reach a host.

A stack's file has the same names, and Pulumi keeps them under the same names in camelCase.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from migrator.config.duration import parse_duration
from migrator.config.stack import NodeConfig, StackConfig
from migrator.nodes.package_trust import PackageTrust

READY_SECONDS = 1800.0
"""A board with a slow card and a slow link needs a quarter of an hour for the images of a pod network."""


@dataclass(slots=True, frozen=True)
class ClusterSpec:
    """What all nodes of a cluster have in common; fields are named after the settings of a stack."""

    id: str
    """Names the cluster on its hosts, so that no other cluster takes one of them."""
    kubernetes_version: str
    endpoint: str
    """`host:port` of the API server, as all nodes reach it."""
    pod_subnet: str
    service_subnet: str
    cni: Literal["weave", "bridge", "manifest", "none"]
    packages: Mapping[str, str]
    """Name to version: `kubernetes`, `cri-o`, `crictl`, `cni-plugins`."""
    package_source: str
    """A folder on this machine, or the address of a pacman repository."""
    package_key: str = ""
    """Path of the public key that signs the packages of a repository, on this machine."""
    package_sums: Mapping[str, str] = field(default_factory=dict)
    """File name of a package to its SHA-256."""
    kubelet: Mapping[str, Any] = field(default_factory=dict)
    """More settings for every KubeletConfiguration."""
    kubeadm: Mapping[str, Any] = field(default_factory=dict)
    """More settings for the ClusterConfiguration."""
    kubeadm_timeouts: Mapping[str, str] = field(default_factory=dict)
    """kubeadm's own timeouts (v1beta4 Timeouts)."""
    kube_proxy: Mapping[str, Any] = field(default_factory=dict)
    image_repository: str = ""
    image_sources: Mapping[str, Any] = field(default_factory=dict)
    """What the running cluster's own ClusterConfiguration says of images."""
    ignore_preflight_errors: tuple[str, ...] = ()
    """Checks of kubeadm whose failure is accepted."""
    ready_timeout: str = ""
    """How long nodes may take to become Ready; empty: the default."""
    remove_packages: bool = False
    """Whether `pulumi destroy` removes the packages from the hosts, too."""
    uid: str = ""
    """Tells the cluster from another one of the same id, such as another clone's; empty where a stack has none yet."""

    @property
    def ready_seconds(self) -> float:
        """How long nodes may take to become Ready."""
        return parse_duration(self.ready_timeout) if self.ready_timeout else READY_SECONDS

    @property
    def package_trust(self) -> PackageTrust:
        """What proves a package."""
        return PackageTrust(self.package_key, self.package_sums)


@dataclass(slots=True, frozen=True)
class NodeSpec:
    """One node; fields are named after the settings of a stack."""

    name: str
    address: str
    role: Literal["control-plane", "worker"]
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] | None = None
    """`key=value:effect`; None keeps what kubeadm sets."""
    first: bool = False
    """Whether it is the control plane that the cluster begins with."""


_NOT_OF_A_STACK = ("id", "uid", "image_sources")


def cluster_of(stack: StackConfig, cluster_id: str) -> ClusterSpec:
    """Return the cluster that a stack describes."""
    settings = {
        item.name: getattr(stack, item.name) for item in dataclasses.fields(ClusterSpec) if item.name not in _NOT_OF_A_STACK
    }
    settings |= {
        "cni": stack.network,
        "endpoint": stack.endpoint or f"{stack.control_planes[0].address}:6443",
        "packages": {"kubernetes": stack.kubernetes_version, **stack.packages},
    }
    return ClusterSpec(id=cluster_id, **settings)


def node_of(stack: StackConfig, node: NodeConfig) -> NodeSpec:
    """Return one node of a stack."""
    settings = {item.name: getattr(node, item.name) for item in dataclasses.fields(NodeSpec) if item.name != "first"}
    return NodeSpec(**settings, first=node is stack.control_planes[0])
