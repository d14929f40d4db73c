"""What a run writes is in the journal and in the state, or in neither."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from migrator.errors import JournalError
from migrator.journal.ledger import Ledger
from migrator.journal.records.migration import CopyStarted, MigrationRecord, ObjectOutcome
from migrator.journal.records.traffic import ShiftAnnounced
from migrator.migration.state import MigrationFold, State
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef
from tests.support.clock import FakeClock
from tests.support.journals import MemoryJournal


def opened(*before: MigrationRecord) -> tuple[Ledger[MigrationRecord, State], MemoryJournal[MigrationRecord]]:
    """Return a ledger on a journal that holds these records."""
    journal: MemoryJournal[MigrationRecord] = MemoryJournal(FakeClock(), *before)
    return Ledger(journal, MigrationFold()), journal


def test_it_begins_where_the_journal_ends() -> None:
    """What earlier runs wrote is folded when it is opened."""
    ledger, _ = opened(ShiftAnnounced(10.0), ShiftAnnounced(25.0))
    assert ledger.state.announced_percent == 25.0


def test_a_record_is_in_both_at_once() -> None:
    """Announced at once, or noted: the state has it either way."""
    ledger, journal = opened()
    ledger.write(ShiftAnnounced(10.0))
    assert (ledger.state.announced_percent, journal.records) == (10.0, [ShiftAnnounced(10.0)])
    ledger.note(ShiftAnnounced(25.0))
    assert (ledger.state.announced_percent, journal.records[-1]) == (25.0, ShiftAnnounced(25.0))
    ledger.sync()
    assert journal.synced == 2


def test_what_the_journal_refuses_is_in_neither() -> None:
    """A full disk: the state does not claim what nobody would find again."""
    ledger, journal = opened()
    journal.full = True
    for write in (ledger.write, ledger.note):
        with pytest.raises(JournalError):
            write(ShiftAnnounced(10.0))
    assert (ledger.state.announced_percent, journal.records) == (None, [])


def test_many_threads_write_and_none_is_lost() -> None:
    """Workers are upgraded some at a time; readers see whole states meanwhile."""
    ledger, journal = opened(CopyStarted({}, 1))

    def write(number: int) -> int:
        ref = ObjectRef("", "ConfigMap", "n", str(number))
        ledger.note(ObjectOutcome(ref=ref, action=Action.CREATED, uid="u", green_token="g", blue_token="b", made=True))
        return len(ledger.state.written)

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(write, range(200)))
    assert (len(ledger.state.written), len(journal.records)) == (200, 201)
    assert max(seen) == 200


def test_an_undo_has_the_room_that_was_kept_for_it() -> None:
    """Others are refused on a full disk, until the undo begins; without room nothing begins."""
    ledger, journal = opened()
    ledger.reserve()
    journal.full = True
    with pytest.raises(JournalError):
        ledger.write(ShiftAnnounced(50.0))
    ledger.use_reserve()
    ledger.write(ShiftAnnounced(0.0))
    assert (ledger.state.announced_percent, journal.records) == (0.0, [ShiftAnnounced(0.0)])
    with pytest.raises(JournalError):
        ledger.reserve()
