"""A journal on the way back is read at once, and opened when something is to be written."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from migrator.errors import JournalError
from migrator.journal.file import FileJournal
from migrator.journal.late import LateJournal
from migrator.journal.records.migration import MIGRATION, MigrationRecord
from migrator.journal.records.traffic import CutoverStarted, RollbackStarted
from tests.support.clock import FakeClock


def opened(path: Path) -> FileJournal[MigrationRecord]:
    """Open the journal as a run does."""
    return FileJournal(path, MIGRATION, tool="1", migration="shop", clock=FakeClock())


def test_it_is_read_while_another_run_holds_it(tmp_path: Path) -> None:
    """Writing is refused, each time with the same reason."""
    path, damaged = tmp_path / "journal.jsonl", list[str]()
    late = LateJournal(path, MIGRATION, lambda: opened(path), damaged.append)
    with opened(path) as journal:
        journal.append(CutoverStarted())
        assert CutoverStarted() in [entry.record for entry in late.entries()]
        for _ in range(2):
            with pytest.raises(JournalError, match="another run"):
                late.append(RollbackStarted())
    with pytest.raises(JournalError, match="another run"):
        late.note(RollbackStarted())


def test_it_is_opened_with_the_first_record_and_let_go_at_the_end(tmp_path: Path) -> None:
    """Reading and syncing take no lock."""
    path, damaged = tmp_path / "journal.jsonl", list[str]()
    with opened(path):
        pass
    with contextlib.closing(LateJournal(path, MIGRATION, lambda: opened(path), damaged.append)) as late:
        late.sync()
        with opened(path):
            pass
        late.append(RollbackStarted())
        late.note(CutoverStarted())
        late.sync()
        with pytest.raises(JournalError, match="another run"), opened(path):
            pass
    with opened(path) as journal:
        assert [entry.record for entry in journal.entries()][1:] == [RollbackStarted(), CutoverStarted()]


def test_torn_lines_are_told_and_read_around(tmp_path: Path) -> None:
    """A way back does not depend on every line."""
    path, damaged = tmp_path / "journal.jsonl", list[str]()
    with opened(path) as journal:
        journal.append(CutoverStarted())
    path.write_bytes(path.read_bytes() + b'{"at":1,"ev\n')
    late = LateJournal(path, MIGRATION, lambda: opened(path), damaged.append)
    assert [entry.record for entry in late.entries()][1:] == [CutoverStarted()]
    assert len(damaged) == 1


def test_a_batch_is_on_disk_when_it_was_synced(tmp_path: Path) -> None:
    """Before the change that it announces, not when the file is let go."""
    path = tmp_path / "journal.jsonl"
    with contextlib.closing(LateJournal(path, MIGRATION, lambda: opened(path), print)) as late:
        late.append(RollbackStarted())
        late.note(CutoverStarted())
        late.sync()
        assert [entry.record for entry in late.entries()][1:] == [RollbackStarted(), CutoverStarted()]
