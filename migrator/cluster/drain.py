"""Move a node's pods away through the Eviction API, and say what holds one that does not go.

Waiting is one list of the node's pods for all of them, where `kubectl drain` asks for each pod by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from migrator.errors import BlockedError, GateFailedError, NotFoundError
from migrator.model.events import Note, Progress
from migrator.model.kinds import NODES, PODS
from migrator.model.manifest import Manifest
from migrator.model.pods import decisions, pod_name
from migrator.model.upgrade import DrainRules
from migrator.ports import Clock, ClusterReader, DrainableCluster, ObjectPatcher, Reporter

# An evicted pod is gone within its grace period, often at once.
_POLL = 0.25
# Seconds before a budget is asked again.
_ASK_AGAIN = 1.0
# Seconds between two lines that say which budget holds which pod.
_REMIND = 15.0


def pods_on(cluster: ClusterReader, node: str) -> list[Manifest]:
    """Return all pods of a node."""
    return list(cluster.list(PODS, field_selector=f"spec.nodeName={node}"))


def cordon(cluster: ObjectPatcher, node: str, *, on: bool = True) -> None:
    """Take a node out of scheduling, or let it back in; one that is gone is no error when it is let back in."""
    try:
        # None removes the field, as kubectl uncordon does.
        cluster.patch(NODES, "", node, {"spec": {"unschedulable": on or None}}, manager="migrator")
    except NotFoundError:
        if on:
            raise


def drained(cluster: ClusterReader, node: str, rules: DrainRules) -> bool:
    """Return whether no pod is left that a drain would move."""
    return not any(not item.stays for item in decisions(pods_on(cluster, node), rules))


def drain(cluster: DrainableCluster, node: str, rules: DrainRules, *, clock: Clock, reporter: Reporter) -> int:
    """Cordon a node and evict what may go; returns how many pods went.

    Raises BlockedError, with a line for each pod, before the first eviction, and GateFailedError once the deadline is over; the
    node stays cordoned then, which the caller undoes.
    """
    found = decisions(pods_on(cluster, node), rules)
    refused = [f"{item.name} on {node}: {item.refused}; {item.hint}" for item in found if item.refused]
    if refused:
        raise BlockedError("\n".join(refused), hint="no pod was evicted")
    cordon(cluster, node)
    going = [item for item in found if not item.stays]
    for item in going:
        if item.lost:
            reporter.emit(Note(f"{item.name} on {node}: lost with it: {item.lost}", warning=True))
    if going:
        _Eviction(cluster, node, rules, clock, reporter).run([item.pod for item in going])
    return len(going)


class _Eviction:
    """One drain under way: which pods are left, what holds them."""

    def __init__(self, cluster: DrainableCluster, node: str, rules: DrainRules, clock: Clock, reporter: Reporter) -> None:
        self._cluster, self._node, self._rules = cluster, node, rules
        self._clock, self._reporter = clock, reporter
        self._held: dict[str, str] = {}
        self._asked_at: dict[str, float] = {}
        self._granted: set[str] = set()
        self._reminded = clock.monotonic()

    def run(self, pods: list[Manifest]) -> None:
        wanted = {pod["metadata"]["uid"]: pod for pod in pods}
        deadline = self._clock.monotonic() + self._rules.timeout
        left = dict(wanted)
        with ThreadPoolExecutor(min(self._cluster.workers, len(pods))) as pool:
            while left:
                # All at once: budgets let through what they can, and the API server answers 429 for the others.
                list(pool.map(self._ask, self._due(left.values())))
                there = {pod["metadata"]["uid"] for pod in pods_on(self._cluster, self._node)}
                # By UID: a StatefulSet makes a pod of the same name elsewhere at once.
                left = {uid: pod for uid, pod in left.items() if uid in there}
                self._reporter.emit(Progress(f"draining {self._node}", len(wanted) - len(left), len(wanted)))
                if left and self._clock.monotonic() > deadline:
                    raise GateFailedError(self._late(left.values()), hint=self._hint(left.values()))
                self._remind(left)
                if left:
                    self._clock.sleep(_POLL)

    def _due(self, left: Iterable[Manifest]) -> list[Manifest]:
        now = self._clock.monotonic()
        return [
            pod
            for pod in left
            if pod["metadata"]["uid"] not in self._granted
            and now - self._asked_at.get(pod["metadata"]["uid"], -_ASK_AGAIN) >= _ASK_AGAIN
        ]

    def _ask(self, pod: Manifest) -> None:
        uid = pod["metadata"]["uid"]
        self._asked_at[uid] = self._clock.monotonic()
        metadata = pod["metadata"]
        # With the UID as a precondition: the pod of that name may be a new one by now (policy/v1, Eviction).
        held = self._cluster.evict(metadata["namespace"], metadata["name"], uid=uid, force=self._rules.disable_eviction)
        if held:
            self._held[uid] = held
        else:
            self._held.pop(uid, None)
            self._granted.add(uid)

    def _remind(self, left: dict[str, Manifest]) -> None:
        """Say now and then what is waited for."""
        if left and self._clock.monotonic() - self._reminded >= _REMIND:
            self._reminded = self._clock.monotonic()
            for line in self._waiting(left.values()):
                self._reporter.emit(Note(f"{self._node} waits for {line}"))

    def _waiting(self, left: Iterable[Manifest]) -> Iterator[str]:
        for pod in left:
            held = self._held.get(pod["metadata"]["uid"])
            yield f"{pod_name(pod)}: {held}" if held else f"{pod_name(pod)} to end (its grace period)"

    def _late(self, left: Iterable[Manifest]) -> str:
        lines = "; ".join(self._waiting(left))
        return f"{self._node} is not drained after {self._rules.timeout:.0f} s: {lines}"

    def _hint(self, left: Iterable[Manifest]) -> str:
        if any(pod["metadata"]["uid"] in self._held for pod in left):
            return "give the workload one more replica, or its budget maxUnavailable: 1; --disable-eviction deletes past budgets"
        return "see why it does not end; --drain-timeout waits longer"
