"""What a person has woken by hand is seen without a plan; a side that is away keeps the other one from nothing."""

from __future__ import annotations

from migrator.errors import UnavailableError
from migrator.migration.fence import Side, WayBack
from migrator.migration.one_side.now import Now, ask
from migrator.ports import Blue
from tests.support.one_side import NIGHTLY, PARTS, PAUSED, Pair


def asked(pair: Pair, *, green: Side | None = None) -> Now:
    """Ask both sides for the nightly and the paused CronJob."""
    return ask(PARTS, WayBack(Side(lambda: pair.blue, 1.0), green or Side(lambda: pair.green, 1.0)), pair.run.clock)


def test_each_side_is_asked(pair: Pair) -> None:
    """What a person has paused runs nowhere."""
    assert asked(pair).running == {NIGHTLY: ("blue",), PAUSED: ()}
    pair.over()
    assert asked(pair).running[NIGHTLY] == ("green",)


def test_what_somebody_has_woken_runs_twice(pair: Pair) -> None:
    """By hand, on the side that should be still."""
    pair.wake_green()
    found = asked(pair)
    assert found.twice() == [NIGHTLY]
    assert found.writers[NIGHTLY]["green"].startswith("kubectl at 20")


def test_a_side_that_is_away_is_named(pair: Pair) -> None:
    """The other one's answer is shown."""

    def away() -> Blue:
        raise UnavailableError("green did not answer")

    found = asked(pair, green=Side(away, 1.0))
    assert (found.running[NIGHTLY], found.silent) == (("blue",), ("what runs on green: green did not answer",))
