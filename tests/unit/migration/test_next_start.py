"""What the next start of a load balancer would give is written where that is asked, after it was announced, and told elsewhere."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError, JournalError, TrafficError
from migrator.journal.records.traffic import ConfigurationAnnounced
from migrator.migration.next_start import keep_across_restart, require_kept
from migrator.model.events import Note, Step
from migrator.model.traffic import Announce, FileChange
from tests.support.journals import migration_run
from tests.support.traffic import FakeSwitch

CHANGE = FileChange("lb1:/f", "/f.before", ("server blue weight 0", "server green weight 1"), {"blue": 0, "green": 1})


def announces(announce: Announce | None) -> tuple[str, ...]:
    """Change a file."""
    assert announce
    announce(CHANGE)
    return ("and more",)


def test_a_change_is_written_down_and_shown_before_it_is_made() -> None:
    """What is left is told."""
    run, journal, clock, recorder = migration_run()
    switch = FakeSwitch(clock)
    switch.restarts = announces
    keep_across_restart(switch, run)
    assert journal.records == [ConfigurationAnnounced("lb1:/f", "/f.before", {"blue": 0, "green": 1})]
    changing = "changing lb1:/f: `server blue weight 0`, `server green weight 1`; /f.before keeps it as it was"
    assert recorder.events == [Step(changing), Note("and more", warning=True)]
    journal.full = True
    with pytest.raises(JournalError):
        keep_across_restart(switch, run)


def test_what_cannot_be_known_is_told_at_a_cutover_and_keeps_blue_at_a_retirement() -> None:
    """The traffic is where it should be."""
    run, _, clock, recorder = migration_run()
    switch = FakeSwitch(clock)

    def fails(_: Announce | None) -> tuple[str, ...]:
        raise TrafficError("no room", hint="make room")

    switch.restarts = fails
    keep_across_restart(switch, run)
    assert recorder.events == [Note("whether a restart of the load balancer keeps this is unknown: no room", warning=True)]
    with pytest.raises(BlockedError, match="may lead to blue: no room") as caught:
        require_kept(switch, run)
    assert caught.value.hint == "make room"
