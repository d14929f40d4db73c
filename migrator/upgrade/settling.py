"""Wait after a node's upgrade until its system pods, and the workloads that were ready before, are ready again."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.cluster.drain import pods_on
from migrator.errors import GateFailedError
from migrator.model.kinds import DEPLOYMENTS, STATEFUL_SETS
from migrator.model.manifest import Manifest, get, ref_of
from migrator.model.pods import MIRROR, controller_of, pod_name
from migrator.nodes.spec import NodeSpec
from migrator.ports import ClusterReader
from migrator.readiness.kinds import readiness
from migrator.untrusted import printable
from migrator.upgrade.session import UpgradeSession

# As kubeadm waits for a control plane (its timeout controlPlaneComponentHealthCheck is 4 minutes), and a little for pods.
_SECONDS = 300.0
_POLL = 0.5
# Seconds that a control plane must be ready without interruption: a new kubelet restarts its static pods after some seconds.
# Not less once it has: kube-proxy watches anew after a restart of the API server, and without these seconds the drain of the
# next node cost requests (3 of 120,238, status 502).
_STEADY_SECONDS = 10.0
# Controllers whose pods are replicas, on whatever node.
_REPLICATED = frozenset({"Job", "ReplicaSet", "StatefulSet"})


def ready_workloads(cluster: ClusterReader) -> frozenset[str]:
    """Return the Deployments and StatefulSets that have all their replicas now; a drain waits for no other."""
    return frozenset(str(ref_of(item)) for item in _workloads(cluster) if _is_ready(item))


def settle(session: UpgradeSession, node: NodeSpec, ready_before: frozenset[str], *, steady: bool = True) -> None:
    """Wait until a node's system pods, and the workloads that were ready before its drain, are ready.

    A control plane's must stay so for a while, if they are to be `steady`: its kubelet may still restart them.

    Raises GateFailedError when they are not in time: the next drain could evict the last replica of a workload.
    """
    seconds = _STEADY_SECONDS if steady and node.role == "control-plane" else 0.0
    deadline = session.clock.monotonic() + _SECONDS
    ready_since = None
    while True:
        waiting = dict(_not_ready(session.cluster, node.name, ready_before))
        now = session.clock.monotonic()
        ready_since = None if waiting else now if ready_since is None else ready_since
        if ready_since is not None and now - ready_since >= seconds:
            _name_failed(session, node.name)
            return
        if now > deadline:
            shown = "; ".join(f"{name}: {message}" for name, message in waiting.items())
            raise GateFailedError(
                f"{node.name} is upgraded, but not all is ready after {_SECONDS:.0f} s: {shown}",
                hint="see `kubectl describe`; once it is ready: `migrator upgrade resume`",
            )
        session.clock.sleep(_POLL)


def _name_failed(session: UpgradeSession, node: str) -> None:
    """Name the pods that the new kubelet did not take, such as those whose device plugin was not back yet (kubernetes#125579)."""
    for pod in pods_on(session.cluster, node):
        if get(pod, "status", "phase") == "Failed":
            reason = printable(str(get(pod, "status", "reason") or get(pod, "status", "message") or "no reason given"))
            session.detail(f"{pod_name(pod)} failed on {node} ({reason}); what controls it makes another one: delete this one")


def _not_ready(cluster: ClusterReader, node: str, ready_before: frozenset[str]) -> Iterator[tuple[str, str]]:
    if not cluster.healthy():
        yield "API server", "is not ready"
        return
    system = [pod for pod in pods_on(cluster, node) if pod["metadata"]["namespace"] == "kube-system"]
    for item in (*filter(_is_waited_for, system), *_watched(cluster, ready_before)):
        if not _is_ready(item):
            yield str(ref_of(item)), readiness(item).message


def _is_waited_for(pod: Manifest) -> bool:
    """Return whether a node is not well without this pod of kube-system.

    Replicas of a workload are judged with it: one that was ill before, such as metrics-server often is, holds nobody up. Evicted
    pods, and those of a node that was shut down, stay Failed for ever (kubernetes#113278); a static pod that its kubelet does not
    take is tried again.
    """
    if get(pod, "metadata", "deletionTimestamp"):
        return False
    if MIRROR in (get(pod, "metadata", "annotations") or {}):
        return True
    controller = controller_of(pod) or {}
    return get(pod, "status", "phase") != "Failed" and controller.get("kind") not in _REPLICATED


def _watched(cluster: ClusterReader, ready_before: frozenset[str]) -> Iterator[Manifest]:
    return (item for item in _workloads(cluster) if str(ref_of(item)) in ready_before) if ready_before else iter(())


def _workloads(cluster: ClusterReader) -> Iterator[Manifest]:
    yield from cluster.list(DEPLOYMENTS)
    yield from cluster.list(STATEFUL_SETS)


def _is_ready(manifest: Manifest) -> bool:
    state = readiness(manifest)
    return state.done and state.ok
