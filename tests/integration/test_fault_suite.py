"""The part of the fault suite that is played each time: `make faults` plays a thousand rounds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.faults.plan import Counted, Kind, RoundPlan
from tests.support.faults.rounds import play
from tests.support.faults.world import World, worlds
from tests.support.sandbox import Pair

SEED = 11


@pytest.fixture(scope="module")
def world(pair: Pair) -> Iterator[World]:
    """Put proxies before both API servers."""
    with worlds(pair) as made:
        yield made


def planned(
    number: int, verb: str, kind: Kind, counted: Counted, count: int, side: str = "green", amount: float = 0.5
) -> RoundPlan:
    """Return a round."""
    return RoundPlan(SEED, 9000 + number, verb, kind, counted, count, side, amount)


ROUNDS = (
    planned(1, "copy", Kind.KILL, Counted.REQUEST, 85),
    planned(2, "copy", Kind.API_LOST, Counted.REQUEST, 70),
    planned(3, "cutover", Kind.TERM, Counted.COMMAND, 12),
    planned(5, "cutover", Kind.DISK_FULL, Counted.LINE, 4),
)


@pytest.mark.parametrize("plan", ROUNDS, ids=str)
def test_a_fault_costs_time_and_nothing_else(world: World, plan: RoundPlan) -> None:
    """No object, no run of a CronJob and no request is lost or doubled, and the verb that is named ends well."""
    story = play(world, plan)
    assert (story.violations, story.happened) == ([], True), story.steps
