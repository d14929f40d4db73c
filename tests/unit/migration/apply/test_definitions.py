"""CRDs are written few at a time, and all new ones are waited for with one question."""

from __future__ import annotations

import orjson
import pytest

from migrator.migration.apply import definitions
from migrator.model.kinds import DEFINITIONS
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, unavailable
from tests.support.objects import config_map, crd
from tests.support.pairs import in_green, pair, writes

GOOD = {"NamesAccepted": "True", "Established": "True"}


def refs(count: int) -> list[ObjectRef]:
    """Return names of CRDs."""
    return [ObjectRef(DEFINITIONS.group, DEFINITIONS.kind, "", f"widgets{number}s.example.com") for number in range(count)]


def green_with(count: int) -> tuple[FakeCluster, FakeClock]:
    """Return a green with CRDs that have no condition yet."""
    clock = FakeClock()
    green = FakeCluster(clock=clock)
    for number in range(count):
        green.hold({**crd(f"widgets{number}s", f"Widget{number}", "example.com"), "status": {}})
    return green, clock


def tell(green: FakeCluster, ref: ObjectRef, conditions: dict[str, str]) -> None:
    """Write conditions as the API server does."""
    listed = [{"type": kind, "status": status, "message": "taken"} for kind, status in conditions.items()]
    body = {**green.get(DEFINITIONS, "", ref.name), "status": {"conditions": listed}}
    green.replace(DEFINITIONS, "", ref.name, orjson.dumps(body), manager="apiextensions", subresource="status")


@pytest.mark.parametrize("count", [1, 20])
def test_all_are_waited_for(count: int) -> None:
    """Until the last of them is established: objects cannot be written before."""
    green, clock = green_with(count)
    for ref in refs(count)[1:]:
        tell(green, ref, GOOD)
    clock.after(3, lambda: tell(green, refs(1)[0], GOOD))
    assert list(definitions.unusable(refs(count), green, clock)) == []
    assert 3 <= clock.monotonic() < 4


def test_many_are_asked_for_with_one_list() -> None:
    """A question for each of a hundred CRDs, ten times a second, was most of what the API server had to do."""
    green, clock = green_with(20)
    for ref in refs(20):
        tell(green, ref, GOOD)
    green.requests.clear()
    assert list(definitions.unusable(refs(20), green, clock)) == []
    assert green.requests == ["list CustomResourceDefinition /"]


@pytest.mark.parametrize(
    ("conditions", "words", "seconds"),
    [({"NamesAccepted": "False"}, "did not accept", 0), ({"Established": "False"}, "not established on green after 60 s", 60)],
)
def test_one_that_will_not_work_is_named_and_the_others_are_good(conditions: dict[str, str], words: str, seconds: float) -> None:
    """At once where green has said no, else when nothing has happened for a minute."""
    green, clock = green_with(6)
    for ref in refs(6)[1:]:
        tell(green, ref, GOOD)
    tell(green, refs(1)[0], conditions)
    [(ref, why)] = definitions.unusable(refs(6), green, clock)
    assert (ref, words in why) == (refs(1)[0], True)
    assert seconds <= clock.monotonic() <= seconds + 1


def test_the_time_is_that_without_progress() -> None:
    """Hundreds of CRDs may take minutes together."""
    green, clock = green_with(5)
    for number, ref in enumerate(refs(5), start=1):
        clock.after(50.0 * number, lambda ref=ref: tell(green, ref, GOOD))  # type: ignore[misc]
    assert list(definitions.unusable(refs(5), green, clock)) == []
    assert clock.monotonic() >= 250


def test_a_green_that_does_not_answer_makes_none_usable() -> None:
    """Its words are the reason."""
    green, clock = green_with(5)
    green.faults.append(Fault("list", unavailable))
    found = dict(definitions.unusable(refs(5), green, clock))
    assert (set(found), len(set(found.values()))) == (set(refs(5)), 1)


def test_nothing_is_asked_where_no_crd_is_new() -> None:
    """Most waves have none."""
    green, clock = green_with(0)
    green.requests.clear()
    assert (list(definitions.unusable([], green, clock)), green.requests) == ([], [])


def test_a_copy_counts_a_crd_that_is_not_accepted_as_failed() -> None:
    """Once, and it is ours: what needs it is not written."""
    both = pair(crd("widgets", "Widget", "example.com"), config_map("a", namespace="shop"))
    both.green.conditions = [{"type": "NamesAccepted", "status": "False", "message": "taken"}]
    result = both.copy()
    ref = ObjectRef(DEFINITIONS.group, DEFINITIONS.kind, "", "widgets.example.com")
    assert [(item.ref, item.action, item.made) for item in result.problems] == [(ref, Action.FAILED, True)]
    assert "taken" in result.problems[0].message
    assert sum(result.counts.values()) == len([line for line in writes(both.green) if line.startswith("create")])
    assert in_green(both.green, ref)["metadata"]["uid"] == result.problems[0].uid
