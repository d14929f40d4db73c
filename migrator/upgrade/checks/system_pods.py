"""What runs on nodes for the cluster itself, and is not well before an upgrade: a run waits for it, and would stop half way."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import get
from migrator.model.pods import MIRROR, pod_name
from migrator.model.verdict import CheckName, Finding
from migrator.readiness.kinds import readiness
from migrator.rules.one_side.images import is_of
from migrator.untrusted import printable
from migrator.upgrade.checks.finding import fail, warn

# Ends of images of programs that drain, reboot or take away nodes by themselves; what they do, and how they are kept from it.
_LOCK = "weave.works/kured-node-lock"
_OF_NODES = (
    (
        ("kured",),
        "drains and reboots nodes by itself, one that is being upgraded or the second of three control planes",
        f"""annotate its DaemonSet meanwhile: `{_LOCK}='{{"nodeID":"manual"}}'` keeps it from that (kured.dev)""",
    ),
    (("system-upgrade-controller",), "changes nodes by itself, to what its plans name", "scale it to 0 meanwhile"),
    (("cluster-autoscaler",), "takes nodes away that stand empty, as drained ones do", "scale it to 0 meanwhile"),
)
_STOPS = "a run waits for it once the control plane is new, and stops there"


def daemon_sets(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find DaemonSets of kube-system whose pods are not all available, whoever has put them there."""
    for daemon in facts.cluster.daemon_sets if facts.hops else ():
        metadata, status = daemon["metadata"], daemon.get("status") or {}
        wanted, there = (int(status.get(key) or 0) for key in ("desiredNumberScheduled", "numberAvailable"))
        if metadata.get("namespace") == "kube-system" and there < wanted:
            hint = f"see `kubectl -n kube-system describe daemonset {metadata['name']}`; mend it, or remove it if nobody needs it"
            name = f"DaemonSet/kube-system/{metadata['name']}"
            yield fail(CheckName.NODES, name, f"{there} of {wanted} pods are available: {_STOPS}", hint)


def weave_net(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find that Weave Net's images change with the upgrade, and that the new ones would take a back end of iptables by themselves.

    2.9.0 takes nft unless it is told, whatever the hosts and the rules of before have (rajch/weave#20, rajch/weave#24).
    """
    change = facts.weave if facts.hops else None
    if change is None:
        return
    name = "DaemonSet/kube-system/weave-net"
    yield warn(CheckName.ADDONS, name, f"goes from {printable(change.before)} to {change.after} with the first hop, node by node")
    if not change.backend_told:
        has = " or ".join(sorted({host.facts.iptables for host in facts.hosts if host.facts.iptables})) or "legacy or nft"
        reason = f"does not say which back end of iptables to take (IPTABLES_BACKEND), and the hosts have {has}"
        hint = f"`kubectl -n kube-system set env daemonset/weave-net IPTABLES_BACKEND=...` ({has}); then see that it is well"
        yield fail(CheckName.ADDONS, name, f"{reason}: pods may lose their network", hint)


def programs_of_nodes(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find programs that would drain, reboot or remove a node in the middle of a run, which they know nothing of."""
    workloads = (*facts.cluster.daemon_sets, *facts.cluster.deployments, *facts.cluster.stateful_sets) if facts.hops else ()
    for item in workloads:
        containers = get(item, "spec", "template", "spec", "containers") or []
        for images, does, hint in _OF_NODES if get(item, "spec", "replicas") != 0 else ():
            if any(is_of(container, images) for container in containers):
                name = f"{item['metadata'].get('namespace')}/{item['metadata']['name']}"
                yield warn(CheckName.NODES, name, does, hint)


def static_pods(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find static pods that are not Ready."""
    for pod in facts.cluster.pods if facts.hops else ():
        state = readiness({**pod, "apiVersion": "v1", "kind": "Pod"})
        is_static = MIRROR in (get(pod, "metadata", "annotations") or {})
        if is_static and get(pod, "metadata", "namespace") == "kube-system" and not (state.done and state.ok):
            hint = f"`crictl logs` of its container on {get(pod, 'spec', 'nodeName')}"
            yield fail(CheckName.NODES, pod_name(pod), f"is not well: {state.message}; {_STOPS}", hint)
