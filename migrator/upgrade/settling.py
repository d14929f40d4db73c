"""Wait between nodes until what the last one had to do with is well again."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.cluster.drain import pods_on
from migrator.errors import GateFailedError
from migrator.model.kinds import DEPLOYMENTS, STATEFUL_SETS
from migrator.model.manifest import Manifest, get, ref_of
from migrator.nodes.spec import NodeSpec
from migrator.ports import ClusterReader
from migrator.readiness.kinds import readiness
from migrator.upgrade.session import UpgradeSession

_SECONDS = 300.0
_POLL = 0.5
_STEADY_SECONDS = 10.0
"""How long a control plane must be well without a break: a new kubelet restarts its static pods some seconds later."""


def well_workloads(cluster: ClusterReader) -> frozenset[str]:
    """Return the Deployments and StatefulSets that have all their replicas now; what is ill before is not waited for."""
    return frozenset(str(ref_of(item)) for item in _workloads(cluster) if _well(item))


def settle(session: UpgradeSession, node: NodeSpec, well_before: frozenset[str]) -> None:
    """Wait until a node's system pods, and the workloads that were well before its drain, are well.

    Raises GateFailedError when they do not get so: the next drain could take the last replica of something.
    """
    steady = _STEADY_SECONDS if node.role == "control-plane" else 0.0
    deadline = session.clock.monotonic() + _SECONDS
    well_since = None
    while True:
        ill = dict(_ill(session.cluster, node.name, well_before))
        now = session.clock.monotonic()
        well_since = None if ill else now if well_since is None else well_since
        if well_since is not None and now - well_since >= steady:
            return
        if now > deadline:
            shown = "; ".join(f"{name}: {message}" for name, message in ill.items())
            raise GateFailedError(
                f"{node.name} is upgraded, and not all is well after {_SECONDS:.0f} s: {shown}",
                hint="see `kubectl describe`; once it is well: `migrator upgrade resume`",
            )
        session.clock.sleep(_POLL)


def _ill(cluster: ClusterReader, node: str, well_before: frozenset[str]) -> Iterator[tuple[str, str]]:
    if not cluster.healthy():
        yield "API server", "is not ready"
        return
    system = [pod for pod in pods_on(cluster, node) if pod["metadata"]["namespace"] == "kube-system"]
    for item in (*(pod for pod in system if not get(pod, "metadata", "deletionTimestamp")), *_watched(cluster, well_before)):
        if not _well(item):
            yield str(ref_of(item)), readiness(item).message


def _watched(cluster: ClusterReader, well_before: frozenset[str]) -> Iterator[Manifest]:
    return (item for item in _workloads(cluster) if str(ref_of(item)) in well_before) if well_before else iter(())


def _workloads(cluster: ClusterReader) -> Iterator[Manifest]:
    yield from cluster.list(DEPLOYMENTS)
    yield from cluster.list(STATEFUL_SETS)


def _well(manifest: Manifest) -> bool:
    state = readiness(manifest)
    return state.done and state.ok
