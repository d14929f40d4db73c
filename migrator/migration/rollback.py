"""All traffic back to blue in one step, whatever state green is in."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.errors import BlockedError
from migrator.journal.records.migration import RollbackEnded, RollbackStarted
from migrator.migration.cutover import shift
from migrator.migration.fence import unfence
from migrator.migration.run import Run
from migrator.migration.state import Stage
from migrator.model.events import Step
from migrator.ports import Blue, TrafficSwitch


@dataclass(slots=True, frozen=True)
class RollbackResult:
    """What was done, and what could not be."""

    traffic_seconds: float
    """Time until all traffic was on blue; 0 when there is no traffic to move."""
    cronjobs: tuple[str, ...]
    undone: tuple[str, ...]


def rollback(blue: Blue, green: Blue, switch: TrafficSwitch | None, *, run: Run) -> RollbackResult:
    """Move traffic first, then CronJobs; raises BlockedError once blue is retired, TrafficError when traffic can't be moved."""
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
