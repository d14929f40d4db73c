"""Dynamic providers: hosts that are examined, nodes that are converged, routes between them.

They lie in an importable module so that Pulumi's state names them and does not hold their code (pulumi#7453), and importing
this module does nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar
from uuid import uuid4

from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

from migrator.errors import CommandFailedError, HostError, MigratorError
from migrator.kube.access import received_access
from migrator.kube.cluster import KubeCluster
from migrator.kube.kubeconfig import data_only_text
from migrator.model.host import HostFacts
from migrator.model.verdict import Finding
from migrator.nodes.action import Action, converge, first_undone
from migrator.nodes.actions import actions
from migrator.nodes.await_ready import await_ready, is_ready
from migrator.nodes.control_plane import get_node
from migrator.nodes.examine import examine, require, twins
from migrator.nodes.kubeadm import ca_fingerprint
from migrator.nodes.mark import read_mark
from migrator.nodes.membership import Ready
from migrator.nodes.paths import ADMIN_CONF
from migrator.nodes.pod_network import Routes, pod_ranges
from migrator.ports import DrainableCluster, Host
from migrator.provision.inputs import Inputs, cluster_spec, host_of, node_spec
from migrator.provision.lasting import is_other_cluster, refuse_other_first
from migrator.provision.removal import forget_member, leave, reset_host
from migrator.readiness.weave import backend_of, one_backend, way
from migrator.untrusted import printable, printable_lines

HostAt = Callable[[Inputs], Host]


class Stopped(Exception):  # noqa: N818 - Pulumi prints this name before the message
    """A MigratorError as Pulumi shows it: what happened and what to do."""

    __module__ = "builtins"

    def __init__(self, error: MigratorError) -> None:
        hint = [f"  -> {printable(error.hint)}"] if error.hint else []
        super().__init__("\n".join([*printable_lines(error.message), *hint]))


class _Provider(ResourceProvider):
    """Reaches hosts and their cluster; an instance holds nothing, so that Pulumi's state stays the same."""

    serialize_as_secret_always = False

    def host(self, node: Inputs) -> Host:
        """Return the host of a node's inputs."""
        return host_of(node)

    def cluster(self, control_plane_host: Host, endpoint: str) -> DrainableCluster:
        """Return the cluster of a control plane."""
        content = control_plane_host.run(f"cat {ADMIN_CONF}")
        where = f"{ADMIN_CONF} on {control_plane_host.name}"
        access = received_access(content, endpoint=endpoint, cluster="the cluster", where=where)
        return KubeCluster("the cluster", access, clock=control_plane_host.clock)


class HostsProvider(_Provider):
    """Examines all hosts of a stack at once, before anything is done to one."""

    def check(self, olds: Inputs, news: Inputs) -> CheckResult:
        """Refuse another first control plane: as another name it would be another resource, and the former one be reset."""
        return CheckResult(dict(news), refuse_other_first(olds.get("nodes") or (), news["nodes"]))

    def create(self, props: Inputs) -> CreateResult:
        """Examine them, and give the cluster its UID; fails with every finding."""
        return CreateResult("hosts", _in_one_line(lambda: _examine(props, {}, self.host)))

    def diff(self, _id: str, old: Inputs, new: Inputs) -> DiffResult:
        """Look again when the hosts, or what is asked of them, changed, or the state lacks what earlier versions did not ask."""
        changed = any(old.get(key) != new.get(key) for key in ("cluster", "nodes")) or not old.get("iptables")
        return DiffResult(changes=changed or not old.get("uid"))

    def update(self, _id: str, olds: Inputs, news: Inputs) -> UpdateResult:
        """Examine them again."""
        return UpdateResult(_in_one_line(lambda: _examine(news, olds, self.host)))


class NodeProvider(_Provider):
    """Brings one host to where it is a node as its inputs say."""

    def check(self, olds: Inputs, news: Inputs) -> CheckResult:
        """Refuse a change of version, and of the first control plane: for both there are other ways."""
        before = (olds.get("cluster") or {}).get("kubernetesVersion")
        after = news["cluster"]["kubernetesVersion"]
        failures = refuse_other_first([olds["node"]] if olds.get("node") else [], [news["node"]])
        if before and before != after and not _upgraded_to(self.host(news["node"]), after):
            reason = (
                f"{news['node']['name']} runs {before}; a stack keeps its version. To get to {after}, either make a new stack "
                f"of that version and move to it (`migrator plan`), or `migrator upgrade` this one where it is"
            )
            failures.append(CheckFailure("cluster.kubernetesVersion", reason))
        return CheckResult(dict(news), failures)

    def create(self, props: Inputs) -> CreateResult:
        """Converge the host; called again after a failure, it goes on."""
        return CreateResult(str(props["node"]["name"]), _in_one_line(lambda: _converge(props, self.host)))

    def diff(self, _id: str, old: Inputs, new: Inputs) -> DiffResult:
        """Compare the inputs, and ask the host whether it still is what it was made."""
        changed = any(old.get(key) != new.get(key) for key in ("cluster", "node", "through"))
        moved = old["node"]["address"] != new["node"]["address"] or old["node"]["role"] != new["node"]["role"]
        if moved or old["node"]["name"] != new["node"]["name"] or is_other_cluster(old["cluster"], new["cluster"]):
            # The old one first: a name, or an address, can be in a cluster once.
            return DiffResult(changes=True, replaces=["node"], delete_before_replace=True)
        return DiffResult(changes=changed or bool(_undone(new, self.host)) or _is_former(old, new, self.host))

    def update(self, _id: str, _olds: Inputs, news: Inputs) -> UpdateResult:
        """Converge the host again."""
        return UpdateResult(_in_one_line(lambda: _converge(news, self.host)))

    def read(self, id_: str, props: Inputs) -> ReadResult:
        """See how the node is; one that was taken out of its cluster is gone from the stack, too."""
        status = _in_one_line(lambda: _status(props, self.host))
        if status == "absent":
            return ReadResult("", {})
        return ReadResult(id_, {**props, "status": status})

    def delete(self, _id: str, props: Inputs) -> None:
        """Drain the node, take it out of the cluster, and leave the host as it was but for packages."""
        _in_one_line(lambda: _remove(props, self.host, self.cluster))


class _AllNodesProvider(_Provider):
    """Has one action done on every node of a stack."""

    name: ClassVar[str]

    def actions(self, props: Inputs) -> list[tuple[Host, Action]]:
        """Return each host, and what must be done there."""
        raise NotImplementedError

    def create(self, props: Inputs) -> CreateResult:
        """Have it done on all nodes; fails with the reason of the first that does not get there."""
        return CreateResult(self.name, _in_one_line(lambda: self._converge(props)))

    def diff(self, _id: str, old: Inputs, new: Inputs) -> DiffResult:
        """Look whether nodes came or went, or it is undone on one."""
        if old.get("nodes") != new.get("nodes"):
            return DiffResult(changes=True)
        try:
            return DiffResult(changes=not all(action.done(host) for host, action in self.actions(new)))
        except MigratorError:
            return DiffResult(changes=True)

    def update(self, _id: str, _olds: Inputs, news: Inputs) -> UpdateResult:
        """Have it done on all nodes again."""
        return UpdateResult(_in_one_line(lambda: self._converge(news)))

    def _converge(self, props: Inputs) -> dict[str, Any]:
        for host, action in self.actions(props):
            converge(host, [action], _say)
        return dict(props)

    def _first(self, props: Inputs) -> Host:
        """Return the host of the first control plane."""
        return self.host(next(item for item in props["nodes"] if item["first"]))


class RoutesProvider(_AllNodesProvider):
    """Gives every node routes to the pods of the others."""

    name = "routes"

    def actions(self, props: Inputs) -> list[tuple[Host, Action]]:
        """Return the routes of each node."""
        # Nodes that this stack does not have, such as one joined by hand, get no route.
        hosts = {item["address"]: self.host(item) for item in props["nodes"]}
        ranges = pod_ranges(self._first(props))
        return [
            (host, Routes({pods: node for pods, node in ranges.items() if node != address and node in hosts}))
            for address, host in hosts.items()
        ]


class ReadyProvider(_AllNodesProvider):
    """Waits until all nodes are Ready: with a pod network that comes as a workload, that is after the add-ons."""

    name = "ready"

    def actions(self, props: Inputs) -> list[tuple[Host, Action]]:
        """Return the wait for each node."""
        first = self._first(props)
        return [(self.host(item), Ready(node_spec(item), first)) for item in props["nodes"]]

    def _converge(self, props: Inputs) -> dict[str, Any]:
        """Wait for all of them at once, and tell what each waits for."""
        seconds = cluster_spec(props["cluster"]).ready_seconds
        await_ready([item["name"] for item in props["nodes"]], self._first(props), seconds, _say)
        return dict(props)


def _examine(props: Inputs, olds: Inputs, host_at: HostAt) -> dict[str, Any]:
    uid = str(olds.get("uid") or uuid4().hex)
    cluster = cluster_spec({**props["cluster"], "uid": uid})
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda item: examine(host_at(item), node_spec(item), cluster), props["nodes"]))
    facts: dict[str, HostFacts] = {}
    findings: list[Finding] = []
    for item, (found, seen) in zip(props["nodes"], results, strict=True):
        findings += found
        if seen:
            facts[item["name"]] = seen
    findings += twins(facts)
    slow = False
    if cluster.cni == "weave":
        findings += one_backend(facts)
        # Stacks of before did not tell routers which way to take, which is the fast one.
        slow, found_way = way(facts, was_slow=bool(olds.get("slow")) if olds else None)
        findings += found_way
    require(findings)
    for item in findings:
        _say(f"warning: {item.subject}: {item.reason}; {item.hint}")
    return {
        **props,
        "architectures": sorted({seen.architecture for seen in facts.values()}),
        "iptables": next(map(backend_of, facts.values())),
        "slow": "1" if slow else "",
        "uid": uid,
    }


def _converge(props: Inputs, host_at: HostAt) -> dict[str, Any]:
    host, control_plane_host = host_at(props["node"]), host_at(props["through"])
    todo = _actions(props, host, control_plane_host)
    converge(host, todo, _say)
    out = {**props, "status": _node_status(props, control_plane_host)}
    if props["node"]["first"]:
        out |= {
            "kubeconfig": _kubeconfig(host, cluster_spec(props["cluster"]).endpoint),
            "fingerprint": f"sha256:{ca_fingerprint(host)}",
        }
    return out


def _kubeconfig(host: Host, endpoint: str) -> str:
    """Return the administrator's kubeconfig, data only: the plugin that gets it would run an `exec`."""
    where = f"{ADMIN_CONF} on {host.name}"
    return data_only_text(host.run(f"cat {ADMIN_CONF}"), endpoint=endpoint, cluster="the cluster", where=where)


def _actions(props: Inputs, host: Host, control_plane_host: Host) -> list[Any]:
    bridged = host.ok("test -d /proc/sys/net/bridge || modprobe br_netfilter")
    return list(
        actions(node_spec(props["node"]), cluster_spec(props["cluster"]), control_plane_host=control_plane_host, bridged=bridged)
    )


def _upgraded_to(host: Host, version: str) -> bool:
    """Return whether the host runs this version already: `migrator upgrade` was there, and the file has caught up."""
    try:
        return host.ok(f"test \"$(kubelet --version)\" = 'Kubernetes v{version}'")
    except HostError:
        return False


def _undone(props: Inputs, host_at: HostAt) -> str:
    """Return what of a node is not as it was made; that a host cannot be asked is for `up` to say."""
    try:
        host, control_plane_host = host_at(props["node"]), host_at(props["through"])
        return first_undone(host, _actions(props, host, control_plane_host))
    except MigratorError as error:
        return error.message


def _is_former(old: Inputs, new: Inputs, host_at: HostAt) -> bool:
    """Return whether the state has another kubeconfig than the first control plane by now.

    Its certificate is for a year, and an upgrade renews that on the host only (pulumi-digitalocean#77 has where it leads).
    """
    if not new["node"]["first"]:
        return False
    try:
        return bool(old.get("kubeconfig") != _kubeconfig(host_at(new["node"]), cluster_spec(new["cluster"]).endpoint))
    except MigratorError:  # for `up` to say
        return True


def _status(props: Inputs, host_at: HostAt) -> str:
    host = host_at(props["node"])
    try:
        return "absent" if read_mark(host) is None else _node_status(props, host_at(props["through"]))
    except (HostError, CommandFailedError):
        return "unreachable"


def _node_status(props: Inputs, control_plane_host: Host) -> str:
    found = get_node(control_plane_host, props["node"]["name"])
    return "absent" if found is None else "Ready" if is_ready(found) else "NotReady"


def _remove(props: Inputs, host_at: HostAt, cluster_at: Callable[[Host, str], DrainableCluster]) -> None:
    node, cluster = node_spec(props["node"]), cluster_spec(props["cluster"])
    host, control_plane_host = host_at(props["node"]), host_at(props["through"])
    known = not node.first and leave(node, host, control_plane_host, lambda: cluster_at(control_plane_host, cluster.endpoint), _say)
    reset_host(host, cluster, _say)
    if known and node.role == "control-plane":
        forget_member(node, control_plane_host, _say)


def _say(text: str) -> None:
    print(printable(text), flush=True)  # noqa: T201 - Pulumi shows what a provider prints


def _in_one_line(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except MigratorError as error:
        # Pulumi prints a traceback of whatever a provider raises; ours would hide the one line that matters.
        sys.tracebacklimit = 0
        raise Stopped(error) from None
