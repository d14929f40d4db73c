"""Shift all traffic back to blue in one step, whatever state green is in; then the CronJobs.

Traffic needs the load balancer and a journal that can be read. Everything else comes afterwards, and stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from migrator.config.schema import Hooks
from migrator.errors import BlockedError
from migrator.journal.records.base import Entry, Header
from migrator.journal.records.migration import HookStarted, MigrationRecord, Retired
from migrator.journal.records.traffic import RollbackEnded, RollbackStarted, Shifted
from migrator.migration.fence import Side
from migrator.migration.run import Run
from migrator.migration.undo import Undo, traffic_to_blue
from migrator.model.events import Step
from migrator.model.traffic import TrafficReading
from migrator.ports import CommandRunner, Reporter, TrafficSwitch


@dataclass(slots=True, frozen=True)
class TrafficMoved:
    """All traffic is on blue, or there is no load balancer."""

    seconds: float = 0.0
    """From the start of the process until this was read back; 0 without a load balancer."""
    reading: TrafficReading | None = None
    complaint: str = ""
    """What the load balancer could not do besides, such as keep the weights across a restart."""


@dataclass(slots=True, frozen=True)
class RollbackResult:
    """What a rollback did, and what it could not undo."""

    traffic_seconds: float
    """Time from the start of the process until all traffic was on blue; 0 without a load balancer."""
    cronjobs: tuple[str, ...]
    undone: tuple[str, ...]


DECISIVE = (Header.WORD, Retired.WORD)
"""The records that a rollback reads before the traffic moves: two of many thousands."""


def move_traffic(
    name: str, entries: Iterable[Entry[MigrationRecord]], switch: TrafficSwitch | None, reporter: Reporter, age: Callable[[], float]
) -> TrafficMoved:
    """Shift all traffic to blue before anything else; `age` returns the seconds since the process began.

    Raises BlockedError when the entries say that blue is retired, or are another migration's, TrafficError when the traffic
    cannot be shifted.
    """
    for entry in entries:
        if isinstance(entry.record, Header) and entry.record.migration != name:
            raise BlockedError(f"the journal belongs to migration {entry.record.migration}, not {name}", hint="--state-dir")
        if isinstance(entry.record, Retired):
            raise BlockedError("blue is retired: there is nothing to go back to", hint="its archive is beside the journal")
    if switch is None:
        return TrafficMoved()
    reading, complaint = traffic_to_blue(switch)
    moved = TrafficMoved(round(age(), 3), reading, complaint)
    reporter.emit(Step(f"all traffic is on blue, after {moved.seconds * 1000:.0f} ms"))
    return moved


def finish(moved: TrafficMoved, blue: Side, green: Side, *, run: Run) -> RollbackResult:
    """Hand the CronJobs back and write down what was done; what cannot be done is in the result. Raises nothing."""
    undo = Undo(run)
    if moved.complaint:
        undo.undone.append(f"the load balancer: {moved.complaint}")
    undo.write(RollbackStarted())
    if moved.reading:
        undo.write(Shifted(moved.reading.green_percent, dict(moved.reading.servers)))
    cronjobs = tuple(run.state.fenced)
    if cronjobs:
        undo.show(Step(f"{len(cronjobs)} CronJobs back to blue"))
    undo.cronjobs(blue, green)
    undo.write(RollbackEnded(moved.seconds, cronjobs, tuple(undo.undone)))
    return RollbackResult(moved.seconds, tuple(map(str, cronjobs)), undo.left)


def after(hooks: Hooks, runner: CommandRunner, run: Run) -> None:
    """Run the person's commands; raises CommandFailedError at the first that fails."""
    for command in hooks.after_rollback:
        run.reporter.emit(Step(f"hook afterRollback: {command[0]}"))
        Undo(run).write(HookStarted("afterRollback", command[0]))
        runner.run(command, hooks.timeout.total_seconds())
