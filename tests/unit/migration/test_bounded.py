"""Work is waited for within a limit, and one failure is its own only."""

from __future__ import annotations

import threading

import pytest

from migrator.errors import TrafficError, UnavailableError
from migrator.migration.bounded import InBackground, each, reason
from tests.support.clock import FakeClock


def test_each_item_has_its_own_result() -> None:
    """Forty items, more than are worked on at once, one of them bad."""

    def work(item: int) -> int:
        if item == 7:
            raise TrafficError("seven")
        return item * 2

    answers = each(range(40), work, seconds=1.0, clock=FakeClock())
    assert answers.done == {item: item * 2 for item in range(40) if item != 7}
    assert {item: reason(error) for item, error in answers.failed.items()} == {7: "seven"}


def test_what_does_not_end_is_left_behind_and_what_waits_is_not_begun() -> None:
    """Its failure was told already."""
    hold, begun = threading.Event(), []

    def work(item: int) -> None:
        begun.append(item)
        hold.wait()

    answers = each(range(40), work, seconds=0.0, clock=FakeClock())
    before = len(begun)
    hold.set()
    assert [reason(error) for error in answers.failed.values()] == ["no answer within 0 s"] * 40
    assert before <= 16
    assert answers.done == {}


def test_nothing_to_do_takes_no_time() -> None:
    """An empty list has no answers."""
    assert each([], str, seconds=0.0, clock=FakeClock()).done == {}


def test_a_result_is_asked_for_later() -> None:
    """And so is the error."""
    assert InBackground(lambda: 5, FakeClock()).result(60.0) == 5
    with pytest.raises(ZeroDivisionError):
        InBackground(lambda: 1 // 0, FakeClock()).result(60.0)


def test_the_limit_counts_from_the_beginning() -> None:
    """Time that passes before somebody asks is not given again."""
    clock, hold = FakeClock(), threading.Event()
    work = InBackground(hold.wait, clock)
    clock.pass_time(60.0)
    with pytest.raises(UnavailableError, match="no answer within 60 s"):
        work.result(60.0)
    hold.set()


def test_a_bug_tells_its_kind_alone() -> None:
    """Its text may be somebody's data."""
    assert reason(KeyError("password")) == "a bug: KeyError"
