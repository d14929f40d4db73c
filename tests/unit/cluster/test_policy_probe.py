"""Whether a network enforces policies is proven by one connection that is allowed and the same one denied; tests play the pods."""

from __future__ import annotations

from typing import Any, cast

import pytest

from migrator.cluster.policy_probe import MARK, PolicyProbe, ProbeError
from migrator.model.kinds import NAMESPACES, NETWORK_POLICIES
from migrator.ports import Green
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.played_pods import PlayedPods
from tests.support.recorder import Recorder


def probe(**network: Any) -> tuple[PolicyProbe, FakeCluster, Recorder]:
    """Return a probe of a cluster with such a network."""
    cluster, clock, recorder = FakeCluster(), FakeClock(), Recorder()
    played = PlayedPods(cluster)
    for name, value in network.items():
        setattr(played, name, value)
    return PolicyProbe(cast("Green", played), "agnhost:2.53", 60.0, clock, recorder), cluster, recorder


def namespaces(cluster: FakeCluster) -> set[str]:
    """Return the names of all namespaces."""
    return {item["metadata"]["name"] for item in cluster.list(NAMESPACES)}


@pytest.mark.parametrize(
    ("network", "expected"),
    [({}, True), ({"takes_up_after": 5}, True), ({"enforces": False}, False), ({"takes_up_after": 10_000}, False)],
)
def test_a_network_enforces_when_what_one_may_the_other_may_not(network: dict[str, Any], *, expected: bool) -> None:
    """A policy may need a moment to be taken up; nothing stays on the cluster, and it is told what is made there."""
    made, cluster, recorder = probe(**network)
    before = namespaces(cluster)
    assert made.enforced() is expected
    assert namespaces(cluster) == before
    assert "trying NetworkPolicies with pods in namespace migrator-policy-probe-" in str(recorder.events)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ({"reaches": False}, "pods do not reach each other even without a policy"),
        ({"denies_all": True}, "a connection that the policy allows is denied, too"),
        ({"pulls": False}, "its pod server is not there after 60 s: image agnhost:2.53 of probe: no such image"),
    ],
)
def test_what_proves_nothing_is_no_proof(network: dict[str, Any], words: str) -> None:
    """A network that carries nothing denies everything, and would look like one that enforces."""
    made, cluster, _ = probe(**network)
    before = namespaces(cluster)
    with pytest.raises(ProbeError, match=words):
        made.enforced()
    assert namespaces(cluster) == before


def test_a_cluster_that_refuses_is_no_proof() -> None:
    """With its own words; the namespace is removed all the same."""
    made, cluster, _ = probe()
    before = namespaces(cluster)
    cluster.faults.append(Fault("create", forbidden, "NetworkPolicy"))
    with pytest.raises(ProbeError, match="403"):
        made.enforced()
    assert namespaces(cluster) == before


def test_what_a_killed_run_has_left_is_removed_and_nobody_else_s() -> None:
    """By the label, not by the name."""
    made, cluster, _ = probe()
    left = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "migrator-policy-probe-1", "labels": {MARK: "yes"}}}
    other = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "migrator-policy-probe-2"}}
    cluster.hold(left, other)
    assert made.enforced()
    assert "migrator-policy-probe-1" not in namespaces(cluster)
    assert "migrator-policy-probe-2" in namespaces(cluster)
    assert list(cluster.list(NETWORK_POLICIES)) == []
