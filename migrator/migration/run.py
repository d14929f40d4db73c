"""What every phase of a migration needs beside its own inputs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from migrator.journal.ledger import Ledger
from migrator.journal.records.migration import MigrationRecord
from migrator.migration.state import State
from migrator.ports import Clock, Interruptions, Reporter


class _NoSignals:
    """Fills the `Interruptions` port where no signal comes."""

    def held_back(self) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()

    def let_through(self) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()


@dataclass(slots=True, frozen=True)
class Run:
    """One run of one verb: its state and journal, its output, and its time."""

    ledger: Ledger[MigrationRecord, State]
    reporter: Reporter
    clock: Clock
    interruptions: Interruptions = _NoSignals()  # noqa: RUF009 - it has no state

    @property
    def state(self) -> State:
        """The state of the migration now."""
        return self.ledger.state

    def write(self, record: MigrationRecord) -> None:
        """Write a record before or after a change; raises JournalError."""
        self.ledger.write(record)
