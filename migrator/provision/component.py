"""The component: hosts, nodes, pod network and add-ons of one cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from migrator.config.stack import StackConfig
from migrator.errors import MigratorError
from migrator.kube.kubeconfig import data_only_text
from migrator.provision.addons import install
from migrator.provision.inputs import cluster_inputs, node_inputs
from migrator.provision.provider import HostsProvider, NodeProvider, ReadyProvider, RoutesProvider


def _data_only(text: str, endpoint: str) -> str:
    """Return a kubeconfig of the state, which may be older than the check when a host's is taken."""
    if not text:  # what a preview does not know
        return text
    try:
        return data_only_text(text, endpoint=endpoint, cluster="the cluster", where="the stack's state")
    except MigratorError as error:
        raise pulumi.RunError(f"{error.message}\n  -> {error.hint}") from None


class Hosts(Resource, module="migrator", name="Hosts"):
    """All hosts, examined before anything is done to one."""

    architectures: pulumi.Output[list[str]]
    iptables: pulumi.Output[str]
    """Back end of the hosts' iptables: nft or legacy."""
    slow: pulumi.Output[str]
    """`1` where Weave Net takes its slow way, as a host cannot take the fast one."""
    uid: pulumi.Output[str]
    """The cluster's, made with the stack: another clone's stack of this name has another one."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(HostsProvider(), name, {"architectures": None, "iptables": None, "slow": None, "uid": None, **props}, opts)


class Node(Resource, module="migrator", name="Node"):
    """One host that is a node."""

    status: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    fingerprint: pulumi.Output[str]

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        outputs = {"status": None, "kubeconfig": None, "fingerprint": None}
        secret = pulumi.ResourceOptions(additional_secret_outputs=["kubeconfig"])
        super().__init__(NodeProvider(), name, {**outputs, **props}, pulumi.ResourceOptions.merge(opts, secret))


class PodRoutes(Resource, module="migrator", name="PodRoutes"):
    """Routes between the nodes' pods."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(RoutesProvider(), name, props, opts)


class NodesReady(Resource, module="migrator", name="NodesReady"):
    """All nodes, Ready."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(ReadyProvider(), name, props, opts)


class Cluster(pulumi.ComponentResource):
    """A kubeadm cluster on hosts that answer SSH; `deploy` is the folder of its add-ons' manifests."""

    def __init__(self, name: str, stack: StackConfig, deploy: Path, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("migrator:index:Cluster", name, {}, opts)
        cluster = cluster_inputs(stack, f"{pulumi.get_project()}/{pulumi.get_stack()}")
        nodes = [node_inputs(stack, node) for node in stack.nodes]
        if stack.cloud:
            from migrator.provision.cloud import machines

            for item, address in zip(nodes, machines(name, stack, stack.cloud, self._opts()), strict=True):
                item["ssh"]["address"] = address
        hosts = Hosts(f"{name}-hosts", {"cluster": cluster, "nodes": nodes}, self._opts())
        known = {**cluster, "uid": hosts.uid}
        first = next(item for item in nodes if item["first"])
        self.first = self._node(first, known, first, [hosts])
        planes, previous = [self.first], [self.first]
        for item in nodes:
            if item["role"] == "control-plane" and not item["first"]:
                # One after the other: each adds a member to etcd, which takes one change at a time.
                previous = [self._node(item, known, first, previous)]
                planes += previous
        workers = [self._node(item, known, first, previous) for item in nodes if item["role"] == "worker"]
        self.nodes: Sequence[Node] = [*planes, *workers]
        self.kubeconfig: pulumi.Output[str] = pulumi.Output.secret(
            self.first.kubeconfig.apply(lambda text: _data_only(text, cluster["endpoint"]))
        )
        if stack.cni == "bridge":
            PodRoutes(f"{name}-routes", {"nodes": nodes}, self._opts([*self.nodes]))
        # They end with the cluster: a `destroy` asks no API server, which may be dead, to delete them one by one.
        ending = pulumi.ResourceOptions.merge(self._opts([*self.nodes]), pulumi.ResourceOptions(deleted_with=self.first))
        addons = install(
            name, stack, self.kubeconfig, deploy, {"IPTABLES_BACKEND": hosts.iptables, "WEAVE_NO_FASTDP": hosts.slow}, ending
        )
        if stack.cni != "none":
            NodesReady(f"{name}-ready", {"nodes": nodes, "cluster": cluster}, self._opts([*self.nodes, *addons]))
        self.outputs = {
            "kubeconfig": self.kubeconfig,
            "apiServer": f"https://{cluster['endpoint']}",
            "kubernetesVersion": stack.kubernetes_version,
            "packages": cluster["packages"],
            "nodes": [{"name": node.name, "address": node.address, "role": node.role} for node in stack.nodes],
            "caFingerprint": self.first.fingerprint,
        }
        self.register_outputs(self.outputs)

    def _node(self, item: dict[str, Any], cluster: dict[str, Any], control_plane_host: dict[str, Any], after: list[Any]) -> Node:
        return Node(item["name"], {"node": item, "cluster": cluster, "through": control_plane_host}, self._opts(after))

    def _opts(self, after: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(after))
