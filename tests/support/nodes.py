"""A cluster's specification and its two nodes, as the stack of an example has them."""

from __future__ import annotations

from typing import Any

from migrator.nodes.hop.staged import Staged
from migrator.nodes.packages import Packages
from migrator.nodes.spec import ClusterSpec, NodeSpec

FIRST = NodeSpec("green-1", "10.0.0.1", "control-plane", first=True)
WORKER = NodeSpec("green-2", "10.0.0.2", "worker", taints=("night=yes:NoSchedule",))
STAGED = Staged(Packages({"kubernetes": "1.37.2"}, "/packages"))


def spec(**more: Any) -> ClusterSpec:
    """Return a cluster; keywords replace its fields."""
    values: dict[str, Any] = {
        "id": "migrator/green",
        "kubernetes_version": "1.37.2",
        "endpoint": "10.0.0.1:6443",
        "pod_subnet": "10.244.0.0/16",
        "service_subnet": "10.96.0.0/12",
        "cni": "weave",
        "packages": {"kubernetes": "1.37.2"},
        "package_source": "dist",
        **more,
    }
    return ClusterSpec(**values)
