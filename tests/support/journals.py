"""A journal in memory, and entries without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from migrator.errors import JournalError
from migrator.journal.ledger import Ledger
from migrator.journal.records.base import Entry
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.upgrade import UpgradeRecord
from migrator.migration.run import Run
from migrator.migration.state import MigrationFold
from migrator.upgrade.state import UpgradeFold, UpgradeState
from tests.support.clock import FakeClock
from tests.support.recorder import Recorder

R = TypeVar("R")

_UNIT = Path(__file__).parent.parent / "unit"
JOURNALS_0_1_0 = _UNIT / "journal" / "fixtures"
"""Journals that the code of version 0.1.0 has written, with every word and every optional key that it knew."""
REPORTS_0_1_0 = _UNIT / "report" / "fixtures"
"""The JSON reports that version 0.1.0 made of them."""


class MemoryJournal(Generic[R]):
    """Fills the `Journal` port; can be told to refuse from a moment on, as a full disk does."""

    def __init__(self, clock: FakeClock, *before: R) -> None:
        self.clock = clock
        self.kept = list(entries(*before, at=clock.now()))
        self.synced = 0
        """How many entries were kept at the last `sync`."""
        self.full = False
        self.after_append: Callable[[R], None] = lambda _: None
        """What happens when a record is on disk, such as the end of the process."""
        self._reserved = self._using = 0

    @property
    def records(self) -> list[R]:
        """The records without their times."""
        return [entry.record for entry in self.kept]

    def append(self, record: R) -> Entry[R]:
        """Keep a record; on a full disk only while there is room that was kept for it."""
        if self.full and not self._using:
            raise JournalError("disk full")
        self.kept.append(Entry(self.clock.now(), record))
        self.after_append(record)
        return self.kept[-1]

    def note(self, record: R) -> Entry[R]:
        """Keep a record."""
        return self.append(record)

    def sync(self) -> None:
        """Remember how much was kept."""
        self.synced = len(self.kept)

    def reserve(self, size: int) -> None:
        """Keep room, if the disk is not full."""
        if self.full:
            raise JournalError("disk full")
        self._reserved = size

    def use_reserve(self) -> None:
        """Use the room from now on."""
        self._using = self._reserved

    def entries(self) -> Iterator[Entry[R]]:
        """Yield what was kept."""
        return iter(list(self.kept))


def entries(*records: R, at: float = 0.0) -> Iterator[Entry[R]]:
    """Yield entries of these records, one second after the other."""
    return (Entry(at + number, record) for number, record in enumerate(records))


def migration_run(*before: MigrationRecord) -> tuple[Run, MemoryJournal[MigrationRecord], FakeClock, Recorder]:
    """Return a run after these records, with its journal, its clock and what a person sees of it."""
    clock, recorder = FakeClock(), Recorder()
    journal: MemoryJournal[MigrationRecord] = MemoryJournal(clock, *before)
    return Run(Ledger(journal, MigrationFold()), recorder, clock), journal, clock, recorder


def upgrade_ledger(*before: UpgradeRecord) -> Ledger[UpgradeRecord, UpgradeState]:
    """Return a ledger after these records."""
    journal: MemoryJournal[UpgradeRecord] = MemoryJournal(FakeClock(), *before)
    return Ledger(journal, UpgradeFold())
