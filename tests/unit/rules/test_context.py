"""What rules may know of the two clusters."""

from __future__ import annotations

from migrator.model.ref import ObjectRef
from migrator.rules.context import BlueFacts, RuleContext
from tests.support.contexts import configured


def test_facts_of_several_readings_are_joined() -> None:
    """Every field of every reading is in the whole."""
    first, second = ObjectRef("", "ConfigMap", "n", "a"), ObjectRef("", "ConfigMap", "n", "b")
    one = BlueFacts(uids={"1": first}, staying=frozenset({first}), groups=frozenset({"g"}))
    two = BlueFacts(uids={"2": second}, staying=frozenset({second}), moving_volumes=frozenset({"v"}))
    assert BlueFacts.joined([one, two]) == BlueFacts(
        uids={"1": first, "2": second},
        staying=frozenset({first, second}),
        groups=frozenset({"g"}),
        moving_volumes=frozenset({"v"}),
    )


def test_a_namespace_that_is_not_mapped_keeps_its_name() -> None:
    """Only the names of map.namespaces change."""
    context = RuleContext(configured("map: {namespaces: {shop: store}}"))
    assert [context.green_namespace(name) for name in ("shop", "other")] == ["store", "other"]
