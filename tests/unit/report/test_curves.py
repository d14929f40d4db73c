"""Samples of a cutover become points of both sides."""

from __future__ import annotations

from migrator.journal.records.base import Entry
from migrator.journal.records.traffic import Sampled, SideSample
from migrator.report.curves import errors, rates


def sample(at: float, percent: float, blue: int, green: int, failed: int = 0) -> Entry[Sampled]:
    """Return one."""
    return Entry(at, Sampled(percent, SideSample(green, failed, 5.0, 0), SideSample(blue, 0, 5.0, 0)))


def test_rates_are_those_within_a_step() -> None:
    """The counters begin anew with the next one."""
    blue, green = rates([sample(10, 5, 100, 10), sample(12, 5, 300, 20), sample(13, 25, 10, 5), sample(14, 25, 110, 35)])
    assert (blue, green) == ([(12, 100.0), (14, 100.0)], [(12, 5.0), (14, 30.0)])


def test_times_that_stand_still_give_no_rate() -> None:
    """A clock was set back."""
    assert rates([sample(10, 5, 100, 10), sample(10, 5, 300, 20), sample(9, 5, 400, 30)]) == ([], [])


def test_errors_need_requests() -> None:
    """A side that nobody asks has no share of errors."""
    assert errors([sample(10, 5, 100, 0), sample(11, 5, 0, 20, failed=5)]) == ([(10, 0.0)], [(11, 25.0)])
