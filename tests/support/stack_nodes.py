"""The hosts of a small stack as tables, the cluster on them in memory, and providers that reach these and no others."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pulumi.dynamic import ResourceProvider

from migrator.config.parse import parse
from migrator.config.stack import StackConfig
from migrator.errors import CommandFailedError
from migrator.nodes.mark import MARK_FILE
from migrator.nodes.paths import ADMIN_CONF, KUBELET_CONF
from migrator.ports import DrainableCluster, Host
from migrator.provision.inputs import Inputs, cluster_inputs, node_inputs
from migrator.testbed.planes.certs import make_authority
from tests.support.facts import node as ready_node
from tests.support.fake_cluster import FakeCluster
from tests.support.hosts import FakeHost

STACK = """
kubernetesVersion: 1.37.2
packages: {cri-o: 1.37.0, crictl: 1.37.0, cni-plugins: 1.9.1}
cni: none
nodes:
- {name: green-1, address: 10.0.0.1, role: control-plane}
- {name: green-2, address: 10.0.0.2, role: worker}
"""
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: admin
clusters: [{name: green, cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: YWJj}}]
users: [{name: admin, user: {token: abc}}]
contexts: [{name: admin, context: {cluster: green, user: admin}}]
"""
P = TypeVar("P", bound=ResourceProvider)
EXAMINED = (
    "architecture=aarch64\nhostname={name}\nmachine_id={name}\nmemory=4000\ndisk=20000\ncgroup=2\npacman=/usr/bin/pacman\n"
    "systemd=yes\noverlay=1\nbr_netfilter=1\nports=22\niptables=nft\nmark=\nclock=1800000000.0\n"
)


class Nodes:
    """The hosts of a stack and the cluster on them."""

    def __init__(self) -> None:
        stack = parse(StackConfig, STACK, "stack.yaml")
        self.cluster = cluster_inputs(stack, "migrator/green")
        self.inputs = {node.name: node_inputs(stack, node) for node in stack.nodes}
        self.hosts = {node.address: node_host(node.name) for node in stack.nodes}
        self.first, self.second = self.hosts.values()
        self.fake = FakeCluster()
        self.says({"green-1": object_of("green-1", "10.0.0.1"), "green-2": object_of("green-2", "10.0.0.2")})
        self.first.answers |= {f"cat {ADMIN_CONF}": KUBECONFIG, "cat /etc/kubernetes/pki/ca.crt": certificate()}

    def says(self, nodes: Mapping[str, Any]) -> None:
        """Let the first control plane's kubectl tell of these nodes, and of no others."""
        self.first.answers |= {f"get node {name} ": json.dumps(item) if item else "" for name, item in nodes.items()}
        self.first.answers["get nodes"] = json.dumps({"items": [item for item in nodes.values() if item]})

    def props(self, of: str = "green-2", **node: Any) -> dict[str, Any]:
        """Return the inputs of one node; keywords replace what it is."""
        return {"node": {**self.inputs[of], **node}, "cluster": self.cluster, "through": self.inputs["green-1"]}

    def all(self) -> dict[str, Any]:
        """Return the inputs of what is done with all nodes."""
        return {"cluster": self.cluster, "nodes": list(self.inputs.values())}

    def host(self, node: Inputs) -> Host:
        """Return a host by the address of its inputs."""
        return self.hosts[node["address"]]

    def in_memory(self, control_plane_host: Host, endpoint: str) -> DrainableCluster:
        """Return the cluster of a control plane."""
        assert (control_plane_host, endpoint) == (self.first, self.cluster["endpoint"])
        return self.fake


@functools.cache
def certificate() -> str:
    """Return an authority's certificate."""
    with tempfile.TemporaryDirectory() as folder:
        return make_authority(Path(folder)).path.read_text()


def object_of(name: str, address: str, *, ready: bool = True) -> dict[str, Any]:
    """Return a node as the cluster knows it."""
    found = ready_node(name, conditions=[{"type": "Ready", "status": str(ready), "message": "container runtime is down"}])
    found["spec"]["podCIDR"] = f"10.244.{address[-1]}.0/24"
    found["status"]["addresses"] = [{"type": "InternalIP", "address": address}]
    return found


def node_host(name: str) -> FakeHost:
    """Return a host on which everything of a node is done."""
    host = FakeHost(name)
    host.accepts(
        "/proc/sys/net/bridge",
        "/proc/swaps",
        "test -d /etc/NetworkManager",
        "60-migrator.conf",
        "ip route del",
        "pacman -Q kubernetes",
        "sha256sum --check",
        "is-active",
    )
    host.accepts(f"test -s {KUBELET_CONF}", f"test -s {ADMIN_CONF}", f"cat {MARK_FILE}")
    host.answers = {"kubeadm config images list": "registry.k8s.io/pause:3.10\n"}
    host.fails("pause_image[[:space:]]")
    host.files = {
        MARK_FILE: json.dumps({"cluster": "migrator/green", "state": "complete"}),
        "/var/lib/kubelet/config.yaml": "cgroupDriver: systemd\n",
    }
    return host


def stopped(host: FakeHost, unit: str) -> None:
    """Let a unit of a host be stopped until it is started."""

    def active(command: str) -> str:
        if not any(f"enable -q --now {unit}" in line for line in host.commands):
            raise CommandFailedError(command, 3, "inactive")
        return ""

    host.answers[f"is-active -q {unit}"] = active
    host.accepts(f"enable -q --now {unit}")


def reaching(kind: type[P], nodes: Nodes) -> P:
    """Return a provider that reaches these nodes and no others."""

    def host(_self: P, node: Inputs) -> Host:
        return nodes.host(node)

    def cluster(_self: P, control_plane_host: Host, endpoint: str) -> DrainableCluster:
        return nodes.in_memory(control_plane_host, endpoint)

    made_one: P = type(f"Reaching{kind.__name__}", (kind,), {"host": host, "cluster": cluster})()
    return made_one
