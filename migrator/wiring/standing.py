"""Where a migration stands, asked through real adapters; a cluster's adapter is imported only when it is asked."""

from __future__ import annotations

from migrator.adapters.clock import SystemClock
from migrator.config.schema import Migration
from migrator.journal.file import iter_entries
from migrator.journal.records.migration import MIGRATION
from migrator.migration.fence import WayBack
from migrator.migration.standing import Standing, stand
from migrator.migration.state import State
from migrator.ports import Reporter
from migrator.wiring.inputs import MigrationInputs
from migrator.wiring.switches import switch_of


def standing(inputs: MigrationInputs, config: Migration, reporter: Reporter) -> Standing:
    """Return where the migration of these inputs stands; the journal is read without its lock."""

    def sides(state: State) -> WayBack:
        from migrator.wiring.migration import both_sides

        return both_sides(inputs, config, reporter, state)

    entries = iter_entries(inputs.journal(config.name), MIGRATION)
    return stand(entries, lambda: switch_of(config.switches, relative_to=inputs.folder), sides, SystemClock())
