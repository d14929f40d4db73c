"""What Pulumi keeps of a node between runs, as plain values, and the way back to specs and hosts."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from migrator.adapters.clock import SystemClock
from migrator.config.stack import NodeConfig, StackConfig
from migrator.nodes.spec import ClusterSpec, NodeSpec
from migrator.ssh.host import Login, SshHost

Inputs = Mapping[str, Any]


def cluster_inputs(stack: StackConfig, cluster_id: str) -> dict[str, Any]:
    """Return what all nodes have in common."""
    return {
        "id": cluster_id,
        "kubernetesVersion": stack.kubernetes_version,
        "endpoint": stack.endpoint or f"{stack.control_planes[0].address}:6443",
        "podSubnet": stack.pod_subnet,
        "serviceSubnet": stack.service_subnet,
        "cni": stack.cni,
        "packages": {"kubernetes": stack.kubernetes_version, **stack.packages},
        "packageSource": stack.package_source,
        "kubelet": stack.kubelet,
        "kubeadm": stack.kubeadm,
        "timeouts": stack.kubeadm_timeouts,
        "kubeProxy": stack.kube_proxy,
        "imageRepository": stack.image_repository,
        "ignorePreflightErrors": list(stack.ignore_preflight_errors),
        "removePackages": stack.remove_packages,
    }


def node_inputs(stack: StackConfig, node: NodeConfig) -> dict[str, Any]:
    """Return what one node is and how it is reached."""
    return {
        "name": node.name,
        "address": node.address,
        "role": node.role,
        "first": node is stack.control_planes[0],
        "labels": node.labels,
        "taints": None if node.taints is None else list(node.taints),
        "ssh": {
            "address": node.ssh_address or node.address,
            "user": node.user or stack.ssh.user,
            "port": node.port or stack.ssh.port,
            "key": node.key or stack.ssh.key,
            "knownHosts": stack.ssh.known_hosts,
        },
    }


def cluster_spec(inputs: Inputs) -> ClusterSpec:
    """Return the spec that these inputs were made from; numbers that Pulumi has made floats are whole again."""
    return ClusterSpec(
        id=inputs["id"],
        kubernetes_version=inputs["kubernetesVersion"],
        endpoint=inputs["endpoint"],
        pod_subnet=inputs["podSubnet"],
        service_subnet=inputs["serviceSubnet"],
        pod_network=inputs["cni"],
        packages=dict(inputs["packages"]),
        package_source=inputs["packageSource"],
        kubelet=_whole(inputs["kubelet"]),
        kubeadm=_whole(inputs["kubeadm"]),
        timeouts=dict(inputs.get("timeouts") or {}),
        kube_proxy=_whole(inputs["kubeProxy"]),
        image_repository=inputs["imageRepository"],
        ignore_preflight=tuple(inputs["ignorePreflightErrors"]),
    )


def node_spec(inputs: Inputs) -> NodeSpec:
    """Return the spec that these inputs were made from."""
    taints = inputs.get("taints")
    return NodeSpec(
        name=inputs["name"],
        address=inputs["address"],
        role=inputs["role"],
        labels=dict(inputs["labels"]),
        taints=None if taints is None else tuple(taints),
        first=bool(inputs["first"]),
    )


def host_of(inputs: Inputs) -> SshHost:
    """Return the host of a node."""
    ssh = inputs["ssh"]
    login = Login(ssh["address"], ssh["user"], int(ssh["port"]), ssh["key"], ssh["knownHosts"])
    return SshHost(inputs["name"], login, _sockets(), clock=SystemClock())


@functools.cache
def _sockets() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="migrator-ssh-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _whole(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
