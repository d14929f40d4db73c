"""The time that clients may stay behind is shortened beforehand, and told."""

from __future__ import annotations

import pytest

from migrator.journal.records.traffic import PrepareAnnounced
from migrator.migration.prepare import prepare, stale_seconds, tell
from migrator.model.events import Note
from migrator.model.traffic import Abilities
from tests.support.clock import FakeClock
from tests.support.journals import migration_run
from tests.support.recorder import Recorder
from tests.support.traffic import FakeSwitch


def test_what_was_there_before_counts_until_it_is_forgotten() -> None:
    """It is announced first; a change before then waits for the old time, one after it for the new."""
    run, journal, clock, _ = migration_run()
    switch = FakeSwitch(clock)
    switch.can = Abilities(stale_seconds=3600)
    announced: list[list[object]] = []

    def shortens() -> float:
        announced.append(list(journal.records))
        switch.can = Abilities(stale_seconds=30)
        return 3600

    switch.prepares = shortens
    done = prepare(switch, run)
    assert announced == [[PrepareAnnounced(3600)]]
    assert (done.stale_seconds, done.ready_at) == (30, clock.now() + 3600)
    clock.pass_time(600)
    assert stale_seconds(30, run) == pytest.approx(3000)
    again = prepare(switch, run)
    assert again.ready_at == done.ready_at
    clock.pass_time(3000)
    assert stale_seconds(30, run) == 30


def test_a_load_balancer_needs_no_preparation() -> None:
    """Nothing is written, and nothing asked of it."""
    run, journal, clock, _ = migration_run()
    done = prepare(FakeSwitch(clock), run)
    assert (done.stale_seconds, done.ready_at, list(journal.records)) == (0, clock.now(), [])


def test_what_a_switch_cannot_do_is_told_with_the_plan() -> None:
    """One that can do all is no news; one that does not answer is a warning."""
    shown, switch = Recorder(), FakeSwitch(FakeClock())
    tell(switch, shown)
    assert shown.events == []
    switch.can = Abilities((0, 50, 100), counters=False, uncounted=("A shop",), stale_seconds=60)
    tell(switch, shown)
    assert [event.text for event in shown.events if isinstance(event, Note)] == [
        "traffic moves in steps of 0, 50, 100 % only",
        "A shop has no request counters: probes judge each step",
        "clients may stay behind for 60 s after each step and after a rollback; `migrator prepare` shortens that where it can",
    ]
    switch.mute = True
    tell(switch, shown)
    assert str(shown.events[-1]) == str(Note("what traffic moves through does not answer: haproxy does not answer", warning=True))
