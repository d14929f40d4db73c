"""A drain evicts what may go, waits for budgets until its deadline, and refuses before the first eviction."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.cluster.drain import cordon, drain, drained
from migrator.errors import BlockedError, GateFailedError, NotFoundError
from migrator.model.kinds import NODES
from migrator.model.upgrade import DrainRules
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.kinds import SERVED
from tests.support.objects import made
from tests.support.recorder import Recorder

BUDGETS = next(item for item in SERVED if item.kind == "PodDisruptionBudget")
OWNERS = {
    kind: [{"apiVersion": "apps/v1", "kind": kind, "name": "shop", "uid": "u", "controller": True}]
    for kind in ("ReplicaSet", "DaemonSet")
}


def pod(name: str, *, node: str = "w1", owner: str = "ReplicaSet", **spec: Any) -> dict[str, Any]:
    """Return a pod on a node."""
    body = {"nodeName": node, "containers": [{"name": "main", "image": "web:1"}], **spec}
    owners = {"owners": OWNERS[owner]} if owner else {}
    return made("v1", "Pod", name, namespace="default", labels={"app": "shop"}, spec=body, **owners)


def budget(allowed: int) -> dict[str, Any]:
    """Return a budget for the shop's pods."""
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "shop"}}}
    status = {"disruptionsAllowed": allowed}
    return made("policy/v1", "PodDisruptionBudget", "shop", namespace="default", spec=spec, status=status)


class Bench:
    """A node with pods, and who drains it."""

    def __init__(self, *manifests: dict[str, Any]) -> None:
        self.clock = FakeClock()
        self.cluster = FakeCluster(clock=self.clock)
        self.cluster.hold(made("v1", "Node", "w1", spec={}), *manifests)
        self.recorder = Recorder()

    def drain(self, **rules: Any) -> int:
        """Drain the node."""
        return drain(self.cluster, "w1", DrainRules(**rules), clock=self.clock, reporter=self.recorder)

    def remove_budget(self) -> None:
        """Take the budget away, as its owner might."""
        found = self.cluster.get(BUDGETS, "default", "shop")
        self.cluster.delete(BUDGETS, "default", "shop", uid=found["metadata"]["uid"])

    @property
    def cordoned(self) -> bool:
        """Whether the node takes no pods."""
        return bool(self.cluster.get(NODES, "", "w1")["spec"].get("unschedulable"))

    @property
    def evictions(self) -> int:
        """How often an eviction was asked for."""
        return sum(request.startswith("evict ") for request in self.cluster.requests)


def test_pods_of_the_node_go_and_those_of_daemonsets_and_other_nodes_stay() -> None:
    """The node is cordoned, and is drained then."""
    bench = Bench(pod("a"), pod("b"), pod("agent", owner="DaemonSet"), pod("far", node="w2"))
    assert bench.drain() == 2
    assert bench.cordoned
    assert drained(bench.cluster, "w1", DrainRules())
    assert not drained(bench.cluster, "w2", DrainRules())


@pytest.mark.parametrize(
    ("refused", "rules", "reason"),
    [
        (pod("alone", owner=""), {"force": True}, "no controller makes it again"),
        (pod("cache", volumes=[{"name": "tmp", "emptyDir": {}}]), {"delete_emptydir_data": True}, "has local data in emptyDir tmp"),
    ],
)
def test_what_would_be_lost_is_refused_before_anything_goes(refused: dict[str, Any], rules: dict[str, bool], reason: str) -> None:
    """No pod is evicted and the node is not cordoned; with the option it goes, and the loss is told."""
    bench = Bench(pod("a"), refused)
    with pytest.raises(BlockedError, match=reason):
        bench.drain()
    assert (bench.evictions, bench.cordoned) == (0, False)
    assert bench.drain(**rules) == 2
    assert len(bench.recorder.notes) == 1
    assert "lost with it" in bench.recorder.notes[0]


def test_a_budget_that_forbids_is_asked_each_second_until_the_deadline() -> None:
    """Not at each look at the pods; the budget's words stand in the error and in a reminder each 15 seconds."""
    bench = Bench(pod("a"), budget(0))
    with pytest.raises(GateFailedError, match="w1 is not drained after 60 s: default/a: The disruption budget shop") as caught:
        bench.drain(timeout=60.0)
    assert "maxUnavailable: 1" in caught.value.hint
    assert 60 <= bench.evictions <= 62
    assert len(bench.recorder.notes) == 4
    assert bench.cordoned


def test_a_budget_that_allows_later_lets_the_pod_go() -> None:
    """As soon as another replica is ready."""
    bench = Bench(pod("a"), budget(0))
    bench.clock.after(20, bench.remove_budget)
    assert bench.drain(timeout=60.0) == 1
    assert 20 <= bench.clock.monotonic() < 23


def test_a_pod_that_does_not_end_is_waited_for_and_named() -> None:
    """Its eviction was granted once, and is not asked for again."""
    stuck = pod("a")
    stuck["metadata"]["finalizers"] = ["example.com/wait"]
    bench = Bench(stuck)
    with pytest.raises(GateFailedError, match="default/a to end") as caught:
        bench.drain(timeout=30.0)
    assert bench.evictions == 1
    assert "--drain-timeout" in caught.value.hint


def test_past_budgets_only_with_the_option() -> None:
    """`--disable-eviction` deletes what a budget protects."""
    assert Bench(pod("a"), budget(0)).drain(disable_eviction=True) == 1


def test_a_node_that_is_gone_can_be_let_back_in_but_not_taken_out() -> None:
    """Nothing is left to undo; a drain of it is a mistake."""
    cluster = FakeCluster()
    cordon(cluster, "gone", on=False)
    with pytest.raises(NotFoundError):
        cordon(cluster, "gone")


def test_letting_back_in_removes_the_mark() -> None:
    """A node that was cordoned takes pods again."""
    bench = Bench()
    cordon(bench.cluster, "w1")
    assert bench.cordoned
    cordon(bench.cluster, "w1", on=False)
    assert not bench.cordoned
