"""The score of the fault suite."""

from __future__ import annotations

import pytest

from tests.support.faults.plan import drawn
from tests.support.faults.rounds import Story
from tests.support.faults.suite import Score, added, repeat

PLAN = drawn(3, 5, on_demand=True)


def test_a_violation_says_how_its_round_is_played_again() -> None:
    """Seed and number are all that a round needs."""
    score = Score(3, [Story(PLAN, violations=["an object is lost"])])
    assert score.violations == [f"an object is lost\n{repeat(PLAN)}"]
    assert score.document()["violations"] == [{"round": 5, "seed": 3, "plan": str(PLAN), "what": "an object is lost"}]


def test_two_results_are_added() -> None:
    """Counts are sums, and the worst time is that of both."""
    one = Score(3, [Story(PLAN, happened=True, rollback_seconds=0.5)]).document()
    both = added(one, Score(4, [Story(PLAN, happened=True, rollback_seconds=1.25), Story(PLAN)]).document())
    assert (both["rounds"], both["rollback_seconds_worst"], both["seeds"]) == (3, 1.25, [3, 4])
    assert both["faults"] == {PLAN.kind.value: 2}
    assert both["ended_before_the_fault"] == 1
    assert [run["seed"] for run in both["runs"]] == [3, 4]


def test_no_round_counts_twice() -> None:
    """A result that is added to itself, or to one that overlaps it, would promise more than was tried."""
    one = Score(3, [Story(drawn(3, number, on_demand=True)) for number in range(4, 9)]).document()
    with pytest.raises(ValueError, match="rounds 8 to 8 of seed 3 are in the result already"):
        added(one, Score(3, [Story(drawn(3, 8, on_demand=True))]).document())
    assert added(one, Score(3, [Story(drawn(3, 9, on_demand=True))]).document())["rounds"] == 6
