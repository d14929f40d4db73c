"""What the next start of a load balancer would give: told, and written into its configuration where the person asked for it."""

from __future__ import annotations

from collections.abc import Callable

from migrator.errors import BlockedError, TrafficError
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.traffic import ConfigurationAnnounced
from migrator.migration.run import Run
from migrator.model.events import Event, Note, Step
from migrator.model.traffic import Announce, FileChange
from migrator.ports import TrafficSwitch


def announced(write: Callable[[MigrationRecord], None], show: Callable[[Event], None]) -> Announce:
    """Return what says that a file is about to be changed, and writes it down."""

    def announce(change: FileChange) -> None:
        write(ConfigurationAnnounced(change.file, change.copy, dict(change.shares)))
        show(Step(f"changing {change.file}: `{'`, `'.join(change.lines)}`; {change.copy} keeps it as it was"))

    return announce


def keep_across_restart(switch: TrafficSwitch, run: Run) -> None:
    """Write what a restart of the load balancer would lose where that is asked, and say what it would lose still."""
    try:
        texts = switch.after_restart(announced(run.write, run.reporter.emit))
    except TrafficError as error:
        texts = (f"whether a restart of the load balancer keeps this is unknown: {error.message}",)
    for text in texts:
        run.reporter.emit(Note(text, warning=True))


def require_kept(switch: TrafficSwitch, run: Run) -> None:
    """Raise BlockedError where the configuration is the tool's to write and would lead to blue; say what else would."""
    try:
        texts = switch.after_restart(announced(run.write, run.reporter.emit))
    except TrafficError as error:
        raise BlockedError(f"a restart of the load balancer may lead to blue: {error.message}", hint=error.hint) from error
    for text in texts:
        run.reporter.emit(Note(text, warning=True))
