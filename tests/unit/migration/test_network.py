"""What green's network means for what moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from migrator.cluster.policy_probe import ProbeError
from migrator.migration.network import enforcement, shared_ranges
from migrator.model.verdict import Severity
from tests.support.facts import node
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.objects import config_map, made
from tests.support.pairs import pair

POLICY = made("networking.k8s.io/v1", "NetworkPolicy", "deny", namespace="shop", spec={"podSelector": {}})


def fails() -> bool:
    """Prove nothing."""
    raise ProbeError("pods do not reach each other", hint="see to it")


@pytest.mark.parametrize(
    ("enforced", "severity", "words"),
    [
        (lambda: True, Severity.OK, "one connection was allowed, the same one denied"),
        (lambda: False, Severity.FAILURE, "does not enforce them: a connection that one denied went through"),
        (fails, Severity.FAILURE, "could not be proven: pods do not reach each other"),
        (None, Severity.WARNING, "whether green's network enforces them is not proven"),
    ],
)
def test_policies_that_move_need_a_network_that_enforces_them(
    enforced: Callable[[], bool] | None, severity: Severity, words: str
) -> None:
    """Not proven without an image is a warning; what could not be proven with one is a failure, as a timeout is."""
    plan, _ = pair(POLICY).read()
    (found,) = enforcement(plan, enforced)
    assert (found.check, found.severity) == ("network", severity)
    assert words in found.reason


def test_without_policies_nothing_is_tried() -> None:
    """No pod is made on green for what nobody needs."""
    plan, _ = pair(config_map("a", namespace="shop")).read()
    assert list(enforcement(plan, fails)) == []


def cluster(*ranges: str) -> FakeCluster:
    """Return a cluster whose nodes have these ranges of pods."""
    found = FakeCluster()
    for number, text in enumerate(ranges):
        made_one = node(f"n{number}")
        found.hold({**made_one, "spec": {**made_one["spec"], **({"podCIDR": text} if text else {})}})
    return found


@pytest.mark.parametrize(
    ("blue", "green", "shared"),
    [
        (("10.244.0.0/24",), ("10.244.0.0/24",), "10.244.0.0/24 and 10.244.0.0/24"),
        (("10.0.0.0/8",), ("10.244.0.0/24",), "10.0.0.0/8 and 10.244.0.0/24"),
        (("10.244.0.0/24",), ("10.245.0.0/24",), ""),
        (("10.244.0.0/24",), ("fd00::/64",), ""),
        (("", "nonsense"), ("10.244.0.0/24",), ""),
    ],
)
def test_ranges_that_both_clusters_have_are_found(blue: tuple[str, ...], green: tuple[str, ...], shared: str) -> None:
    """A warning: it matters only where something routes between their pods."""
    found = list(shared_ranges(cluster(*blue), cluster(*green)))
    assert [item.severity for item in found] == ([Severity.WARNING] if shared else [])
    assert all(shared in item.reason for item in found)


def test_nodes_that_may_not_be_read_are_unknown() -> None:
    """And no reason to refuse a good verdict."""
    blue = cluster("10.244.0.0/24")
    blue.faults.append(Fault("list", forbidden, "Node"))
    (found,) = shared_ranges(blue, cluster())
    assert found.severity is Severity.UNKNOWN
