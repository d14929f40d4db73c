"""A rollback in its order: the traffic first, before a cluster is asked, or what that takes is imported.

This module imports little, and each function what it needs: time to import is time with traffic on green.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from migrator.adapters.signals import SIGNALS
from migrator.errors import ConfigError, JournalError
from migrator.wiring.inputs import MigrationInputs

if TYPE_CHECKING:
    from migrator.config.schema import Migration
    from migrator.config.traffic import SwitchConfig
    from migrator.migration.data.home import DataFrom
    from migrator.migration.rollback import RollbackResult
    from migrator.migration.traffic_back import TrafficMoved
    from migrator.ports import Reporter

Shown = Callable[["RollbackResult", bool], None]
"""Tell the person the result, and whether there is any traffic to speak of."""


def roll_back(
    inputs: MigrationInputs, reporter: Reporter, shown: Shown, *, graceful: float | None, data_from: DataFrom
) -> RollbackResult:
    """Move the traffic to blue, hand back what runs on one side only, show the result, and run the person's hooks.

    The traffic needs only its own part of the file: mistakes elsewhere are told after it has moved.
    """
    moved = _traffic_first(inputs, reporter, graceful)
    try:
        config = _whole_file(inputs)
    except ConfigError as error:
        if moved is None:
            raise
        result = _traffic_alone(error, moved, reporter)
        shown(result, True)
        return result
    if moved is None:
        moved = _move_traffic(inputs, config.name, config.switches, reporter, graceful)
    return _finish(moved, inputs, config, reporter, shown, data_from)


def _traffic_first(inputs: MigrationInputs, reporter: Reporter, graceful: float | None) -> TrafficMoved | None:
    """Move the traffic where the file tells how, whatever else is wrong in it; return None where it does not tell."""
    from migrator.config.way_back import load_way_back

    try:
        found = load_way_back(inputs.file)
    except ConfigError:
        return None
    return _move_traffic(inputs, found.name, found.switches, reporter, graceful) if found.switches else None


def _whole_file(inputs: MigrationInputs) -> Migration:
    from migrator.config.load import load_migration

    return load_migration(inputs.file)


def _traffic_alone(error: ConfigError, moved: TrafficMoved, reporter: Reporter) -> RollbackResult:
    """Return the result where mistakes in the file allow no more than the traffic."""
    from migrator.migration.leaving import counted
    from migrator.migration.rollback import RollbackResult
    from migrator.model.events import Note

    ended, still_open = moved.connections
    if ended:
        reporter.emit(Note(f"{counted(ended)} on green were ended", warning=True))
    undone = [f"what runs on green only: {issue}" for issue in error.issues]
    if still_open:
        undone.append(f"{counted(still_open)} on green were neither waited for nor ended")
    return RollbackResult(moved.seconds, (), tuple(undone), ended, still_open)


def _move_traffic(
    inputs: MigrationInputs, name: str, switches: Sequence[SwitchConfig], reporter: Reporter, graceful: float | None
) -> TrafficMoved:
    from migrator.wiring.switches import switch_of

    # Logins on hosts take longest: they begin before the rest is imported and read.
    switch = switch_of(switches, relative_to=inputs.folder, at_once=True)
    from migrator.adapters.clock import process_age
    from migrator.journal.file import iter_entries
    from migrator.journal.records.decisive import DECISIVE, DECISIVE_WORDS
    from migrator.migration.traffic_back import move_traffic

    path = inputs.journal(name)
    entries = (
        entry
        for word in DECISIVE_WORDS
        for entry in iter_entries(path, DECISIVE, mentions=f'"event":"{word}"', damaged=lambda _: None)
    )
    return move_traffic(name, entries, switch, reporter, process_age, graceful=graceful)


def _finish(
    moved: TrafficMoved, inputs: MigrationInputs, config: Migration, reporter: Reporter, shown: Shown, data_from: DataFrom
) -> RollbackResult:
    from migrator.migration.rollback import RollbackResult, after, finish
    from migrator.wiring.migration import way_back

    traffic = config.traffic is not None
    try:
        with way_back(inputs, config, reporter, data_from) as (run, back, runner):
            result = finish(moved, back, run=run)
            shown(result, traffic)
            with SIGNALS.let_through():
                after(config.hooks, runner, run)
    except JournalError as error:
        undone = (f"the journal does not tell what runs on green only: {error.message}",)
        ended, still_open = moved.connections
        result = RollbackResult(moved.seconds, (), undone, ended, still_open)
        shown(result, traffic)
    return result
