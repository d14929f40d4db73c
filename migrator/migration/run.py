"""What every stage of a migration works with, beside its own inputs."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.journal.ledger import Ledger
from migrator.journal.records.migration import MigrationRecord
from migrator.migration.state import State
from migrator.ports import Clock, Reporter


@dataclass(slots=True, frozen=True)
class Run:
    """One run of one verb: where things stand, whom to tell, and the time."""

    ledger: Ledger[MigrationRecord, State]
    reporter: Reporter
    clock: Clock

    @property
    def state(self) -> State:
        """Where the migration stands now."""
        return self.ledger.state

    def write(self, record: MigrationRecord) -> None:
        """Write a record before or after a change; raises JournalError."""
        self.ledger.write(record)
