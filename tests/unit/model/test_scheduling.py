"""What keeps a pod off a node, without a look at other pods; the whole filter is tested with the upgrade's own check."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.scheduling import is_open, selects, taint_against
from tests.support.objects import made

TAINT = {"key": "night", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("status", "spec", "expected"),
    [
        ("True", {}, True),
        ("True", {"unschedulable": True}, False),
        ("False", {}, False),
        ("Unknown", {}, False),
    ],
)
def test_a_node_takes_pods_when_it_is_ready_and_not_cordoned(status: str, spec: dict[str, Any], *, expected: bool) -> None:
    """One that says nothing of itself takes none."""
    assert is_open(made("v1", "Node", "n", spec=spec, status={"conditions": [{"type": "Ready", "status": status}]})) is expected
    assert not is_open(made("v1", "Node", "n"))


@pytest.mark.parametrize(
    ("tolerations", "effect", "key"),
    [
        (None, "NoSchedule", "night"),
        (None, "NoExecute", "night"),
        (None, "PreferNoSchedule", ""),
        ([{"operator": "Exists"}], "NoSchedule", ""),
        ([{"key": "night", "operator": "Exists", "effect": "NoExecute"}], "NoSchedule", "night"),
        ([{"key": "night", "value": "yes"}], "NoSchedule", ""),
        ([{"key": "night", "value": "no"}], "NoSchedule", "night"),
        ([{"key": "day", "operator": "Exists"}], "NoSchedule", "night"),
    ],
)
def test_a_taint_that_is_not_tolerated_is_named(tolerations: Any, effect: str, key: str) -> None:
    """By its key."""
    node = made("v1", "Node", "n", spec={"taints": [{**TAINT, "effect": effect}]})
    assert taint_against({"tolerations": tolerations}, node) == key


def test_a_selector_and_one_term_of_an_affinity_must_take_a_node() -> None:
    """Both, where both are given."""
    node = made("v1", "Node", "n", labels={"disk": "ssd", "zone": "a"})

    def zones(*names: str) -> dict[str, Any]:
        terms = [{"matchExpressions": [{"key": "zone", "operator": "In", "values": [name]}]} for name in names]
        return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}}

    assert selects({}, node)
    assert selects({"nodeSelector": {"disk": "ssd"}, **zones("b", "a")}, node)
    assert not selects({"nodeSelector": {"disk": "hdd"}, **zones("a")}, node)
    assert not selects({"nodeSelector": {"disk": "ssd"}, **zones("b")}, node)
