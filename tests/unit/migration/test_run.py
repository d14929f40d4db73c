"""What a phase writes is in its state at once, and a refusal to write changes neither."""

from __future__ import annotations

import pytest

from migrator.errors import JournalError
from migrator.journal.records.traffic import CutoverStarted, ShiftAnnounced
from migrator.migration.state import Stage
from tests.support.journals import migration_run


def test_a_record_is_in_the_journal_and_in_the_state() -> None:
    """One step: no phase can do one without the other."""
    run, journal, _, _ = migration_run()
    assert run.state.stage is Stage.NEW
    run.write(CutoverStarted())
    assert (journal.records, run.state.stage) == ([CutoverStarted()], Stage.CUTTING_OVER)


def test_a_run_begins_where_the_journal_ends() -> None:
    """The next run needs nothing else."""
    run, _, _, _ = migration_run(CutoverStarted(), ShiftAnnounced(50.0))
    assert run.state.stage is Stage.CUTTING_OVER


def test_what_could_not_be_written_has_not_happened() -> None:
    """A full disk stops the phase before its change."""
    run, journal, _, _ = migration_run()
    journal.full = True
    with pytest.raises(JournalError):
        run.write(CutoverStarted())
    assert (journal.records, run.state.stage) == ([], Stage.NEW)
