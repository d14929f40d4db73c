"""The kubelet's settings, in the cluster and on each node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migrator.config.duration import parse_duration
from migrator.errors import BlockedError
from migrator.model.manifest import merged
from migrator.model.yaml_text import dump, mapping
from migrator.nodes.control_plane import kubectl
from migrator.nodes.spec import ClusterSpec
from migrator.ports import Host


@dataclass(slots=True, frozen=True)
class KubeletSettings:
    """Bring the kubelet's settings to what the spec says, in the cluster's ConfigMap and on this node."""

    cluster: ClusterSpec
    control_plane_host: Host
    name: str = "kubelet settings"

    def done(self, host: Host) -> bool:
        """Return whether the node's file has every wanted value."""
        current = mapping(host.run("cat /var/lib/kubelet/config.yaml"))
        return _contains(current, kubelet_settings(self.cluster))

    def run(self, host: Host) -> None:
        """Write the ConfigMap, let kubeadm write the node's file from it, restart the kubelet."""
        stored = kubectl(self.control_plane_host, "-n kube-system get configmap kubelet-config -o jsonpath={.data.kubelet}")
        found = mapping(stored)
        if not found:
            raise BlockedError(
                f"{self.control_plane_host.name}: ConfigMap kube-system/kubelet-config holds no settings that can be read",
                hint="correct it with `kubectl edit`; nothing was written over it",
            )
        settings = merged(found, kubelet_settings(self.cluster))
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "kubelet-config", "namespace": "kube-system"},
            "data": {"kubelet": dump(settings)},
        }
        kubectl(self.control_plane_host, "apply --server-side --force-conflicts -f - >/dev/null", stdin=dump(body).encode())
        host.run("kubeadm upgrade node phase kubelet-config && systemctl restart kubelet", timeout=180)


def kubelet_settings(cluster: ClusterSpec) -> dict[str, Any]:
    """Return what every KubeletConfiguration of a cluster has beyond kubeadm's defaults."""
    return {"cgroupDriver": "systemd", **cluster.kubelet}


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(key in whole and _contains(whole[key], value) for key, value in part.items())
    return bool(whole == part) or (_seconds(whole) is not None and _seconds(whole) == _seconds(part))


def _seconds(value: Any) -> float | None:
    """Return a duration in seconds, or None for another value: kubeadm writes 15m as 15m0s (Go's time.Duration)."""
    try:
        return parse_duration(value)
    except (TypeError, ValueError):
        return None
