"""Shift all traffic back to blue in one step, whatever state green is in."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.errors import BlockedError
from migrator.journal.records.traffic import RollbackEnded, RollbackStarted
from migrator.migration.cutover import shift
from migrator.migration.fence import unfence
from migrator.migration.run import Run
from migrator.migration.state import Stage
from migrator.model.events import Step
from migrator.ports import Blue, TrafficSwitch


@dataclass(slots=True, frozen=True)
class RollbackResult:
    """What a rollback did, and what it could not undo."""

    traffic_seconds: float
    """Time until all traffic was on blue; 0 without a load balancer."""
    cronjobs: tuple[str, ...]
    undone: tuple[str, ...]


def rollback(blue: Blue, green: Blue, switch: TrafficSwitch | None, *, run: Run) -> RollbackResult:
    """Shift traffic first, then CronJobs. Raises BlockedError once blue is retired, TrafficError when traffic cannot be shifted."""
    if run.state.stage is Stage.RETIRED:
        raise BlockedError("blue is retired: there is nothing to go back to", hint="its archive is beside the journal")
    run.write(RollbackStarted())
    began = run.clock.monotonic()
    if switch:
        run.reporter.emit(Step("all traffic to blue"))
        shift(0, switch, run)
    seconds = run.clock.monotonic() - began if switch else 0.0
    cronjobs = tuple(run.state.fenced)
    if cronjobs:
        run.reporter.emit(Step(f"{len(cronjobs)} CronJobs back to blue"))
    undone = tuple(unfence(blue, green, run))
    run.write(RollbackEnded(round(seconds, 3), cronjobs, undone))
    run.ledger.sync()
    return RollbackResult(seconds, tuple(map(str, cronjobs)), undone)
