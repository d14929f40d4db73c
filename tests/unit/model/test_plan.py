"""A plan counts its decisions, and shows no content of an object by accident."""

from __future__ import annotations

import dataclasses

import pytest

from migrator.model.one_side import OneSide
from migrator.model.plan import DataPlan, Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef
from tests.support.one_side import PARTS

A = ObjectRef("", "ConfigMap", "shop", "a")


def plan(*decisions: Decision) -> Plan:
    """Return a plan of one item each."""
    items = tuple(PlanItem(A._replace(name=str(number)), A, decision) for number, decision in enumerate(decisions))
    return Plan(items, (), {}, {}, (), ())


def test_items_are_found_by_their_decision_in_order() -> None:
    """Waves are made from them."""
    found = plan(Decision.MOVE, Decision.SKIP, Decision.MOVE).of(Decision.MOVE)
    assert [item.blue.name for item in found] == ["0", "2"]


def test_decisions_are_counted_by_their_words() -> None:
    """The words are those of the JSON output; what does not occur counts as none."""
    counts = plan(Decision.MOVE, Decision.SKIP, Decision.MOVE).counts
    assert (counts["move"], counts["skip"], counts["blocked"]) == (2, 1, 0)


@pytest.mark.parametrize("field", ["body", "status", "managed_fields"])
def test_no_content_is_shown_by_an_item_s_representation(field: str) -> None:
    """It may be a Secret, and a value is often put into a message."""
    item = dataclasses.replace(PlanItem(A, A, Decision.MOVE), **{field: b"hunter2"})  # type: ignore[arg-type]
    assert "hunter2" not in repr(item)
    assert "hunter2" not in repr(dataclasses.replace(plan(), items=(item,), waves=((item,),)))


def test_an_item_has_no_data_unless_a_rule_says_so() -> None:
    """And cannot be changed by another thread."""
    item = PlanItem(A, A, Decision.MOVE)
    assert item.data is DataPlan.NONE
    with pytest.raises(dataclasses.FrozenInstanceError):
        item.reason = "x"  # type: ignore[misc]


def test_what_is_not_held_is_no_part_of_a_hand_over() -> None:
    """It runs on both sides, and a person is told; what runs on neither is not handed over, too."""
    told = PlanItem(A, A, Decision.MOVE, one_side=OneSide("row", "why", "meanwhile", None))
    idle = PlanItem(A, A, Decision.MOVE, one_side=OneSide("row", "why", "meanwhile", PARTS[0], active=False))
    held = PlanItem(A, A, Decision.MOVE, one_side=OneSide("row", "why", "meanwhile", PARTS[1]))
    found = dataclasses.replace(plan(), items=(told, idle, held, PlanItem(A, A, Decision.MOVE)))
    assert list(found.parts()) == [PARTS[1]]
