"""A refusal by the server is an outcome, and a change meanwhile is not overwritten."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from migrator.errors import ApiError
from migrator.migration.apply.write import Writer
from migrator.model.manifest import Manifest
from migrator.model.outcome import Action, Outcome
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster.faults import Fault, conflict, forbidden, silent, throttled, unavailable
from tests.support.objects import config_map, made
from tests.support.pairs import Pair, in_green, owned_by, pair, writes

A = ObjectRef("", "ConfigMap", "shop", "a")


def ready(*objects: Manifest) -> Pair:
    """Return a pair whose namespace is on green."""
    both = pair(*objects or (config_map("a", namespace="shop"),))
    both.green.hold(made("v1", "Namespace", "shop"))
    return both


def write(both: Pair, ref: ObjectRef = A) -> Outcome:
    """Write one object."""
    return Writer(both.green, both.clock).write(both.item(ref), both.known())


@pytest.mark.parametrize("error", [throttled, unavailable, silent, forbidden])
def test_a_refusal_is_a_failed_outcome(error: Callable[[], ApiError]) -> None:
    """One object must not end the copy of all others."""
    both = ready()
    both.green.faults.append(Fault("create", error))
    assert write(both).action is Action.FAILED
    assert write(both).message.startswith("green ")


def test_what_appears_meanwhile_is_judged_again() -> None:
    """Somebody else's object is left alone; one with the same content is unchanged."""
    for value, action in (("value", Action.UNCHANGED), ("other", Action.CONFLICT)):
        both = ready()
        item, known = both.item(A), both.known()
        both.green.hold(config_map("a", {"key": value}, namespace="shop"))
        assert Writer(both.green, both.clock).write(item, known).action is action
        assert in_green(both.green, A)["data"] == {"key": value}


@pytest.mark.parametrize(("times", "action"), [(4, Action.CHANGED), (5, Action.FAILED)])
def test_a_replace_is_tried_five_times(times: int, action: Action) -> None:
    """Controllers change objects all the time."""
    both = ready()
    both.green.hold(config_map("a", {"key": "old"}, namespace="shop"))
    both.green.faults.append(Fault("replace", conflict, times=times))
    assert write(both).action is action
    assert len([item for item in writes(both.green) if item.startswith("replace")]) == 5


def test_a_field_that_cannot_change_has_its_hint() -> None:
    """A person is told to delete the object."""
    both = ready()
    both.green.hold(config_map("a", {"key": "old"}, namespace="shop", immutable=True))
    found = write(both)
    assert found.action is Action.FAILED
    assert "Delete the object on green" in found.message


def test_an_owner_that_is_not_on_green_is_named() -> None:
    """Without its UID the object would be collected as garbage."""
    both = ready()
    owner = both.blue.hold(config_map("parent", namespace="shop"))[0]
    both.blue.hold(owned_by(owner, config_map("child", namespace="shop")))
    found = write(both, A._replace(name="child"))
    assert (found.action, "its owner ConfigMap/parent is not on green" in found.message) == (Action.FAILED, True)
    assert writes(both.green) == []
