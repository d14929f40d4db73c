"""What a node should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(slots=True, frozen=True)
class ClusterSpec:
    """What all nodes of a cluster have in common."""

    id: str
    """Names the cluster on its hosts, so that nobody takes a host of another one."""
    kubernetes_version: str
    endpoint: str
    """`host:port` of the API server, as everybody reaches it."""
    pod_subnet: str
    service_subnet: str
    pod_network: Literal["weave", "bridge", "none"]
    packages: Mapping[str, str]
    """Name to version, all of them: `kubernetes`, `cri-o`, `crictl`, `cni-plugins`."""
    package_source: str
    """A folder on this machine, or the address of a pacman repository."""
    kubelet: Mapping[str, Any] = field(default_factory=dict)
    """Settings beyond ours of every KubeletConfiguration."""
    kubeadm: Mapping[str, Any] = field(default_factory=dict)
    """Settings beyond ours of the ClusterConfiguration."""
    timeouts: Mapping[str, str] = field(default_factory=dict)
    """kubeadm's own (v1beta4 Timeouts)."""
    kube_proxy: Mapping[str, Any] = field(default_factory=dict)
    image_repository: str = ""
    ignore_preflight: tuple[str, ...] = ()
    """Checks of kubeadm whose failure is accepted."""


@dataclass(slots=True, frozen=True)
class NodeSpec:
    """One node."""

    name: str
    address: str
    role: Literal["control-plane", "worker"]
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] | None = None
    """`key=value:effect`; None leaves to kubeadm what it sets."""
    first: bool = False
    """Whether it is the control plane that the cluster begins with."""
