"""The wait for clients on green ends with the last of them, with its time, or with ^C."""

from __future__ import annotations

from migrator.migration.leaving import counted, wait_until_blue_is_left, wait_until_left
from migrator.model.events import Progress
from tests.support.journals import migration_run
from tests.support.traffic import FakeSwitch


def test_nothing_open_is_no_wait() -> None:
    """Not even a moment."""
    run, _, clock, recorder = migration_run()
    assert wait_until_left(FakeSwitch(clock), run, 60, recorder.emit) == {}
    assert clock.slept == []


def test_the_wait_shows_what_it_waits_for() -> None:
    """And for how long, until its time is over."""
    run, _, clock, recorder = migration_run()
    switch = FakeSwitch(clock)
    switch.open_on_green = 2
    assert wait_until_left(switch, run, 2.5, recorder.emit) == {"green": 2}
    assert clock.monotonic() == 2.5
    shown = [event for event in recorder.events if isinstance(event, Progress)]
    assert [(event.done, event.total) for event in shown] == [(0, 2), (1, 2), (2, 2)]


def test_a_person_may_end_the_wait() -> None:
    """What is open then is told as when the time is over."""

    def interrupt() -> None:
        raise KeyboardInterrupt("SIGINT")

    run, _, clock, recorder = migration_run()
    switch = FakeSwitch(clock)
    switch.open_on_green = 2
    clock.after(3, interrupt)
    assert wait_until_left(switch, run, 60, recorder.emit) == {"green": 2}
    assert clock.monotonic() == 3


def test_connections_are_counted_by_server() -> None:
    """The sum first."""
    assert counted({"green1": 2, "green2": 1}) == "3 open connections (green1 2, green2 1)"


def test_blue_is_waited_for_as_well() -> None:
    """Until nothing is open, its time is over, or a person ends it."""
    run, _, clock, _ = migration_run()
    switch = FakeSwitch(clock, percent=100)
    switch.blue_sessions = 3
    assert wait_until_blue_is_left(switch, run, 2.5) == {"blue": 3}
    assert clock.monotonic() == 2.5

    def leave() -> None:
        switch.blue_sessions = 0

    clock.after(1, leave)
    assert wait_until_blue_is_left(switch, run, 60) == {}
    assert clock.monotonic() < 10
    switch.blue_sessions = 2

    def interrupt() -> None:
        raise KeyboardInterrupt("SIGINT")

    clock.after(1, interrupt)
    assert wait_until_blue_is_left(switch, run, 60) == {"blue": 2}
