"""All traffic back to blue in one step, whatever state green is in."""

from __future__ import annotations

import time
from dataclasses import dataclass

from migrator.errors import BlockedError
from migrator.migration.cutover import shift
from migrator.migration.fence import unfence
from migrator.migration.state import Stage, State
from migrator.model.events import Step
from migrator.ports import Cluster, Journal, Reporter, TrafficSwitch


@dataclass(slots=True, frozen=True)
class RollbackResult:
    """What was done, and what could not be."""

    traffic_seconds: float
    """Time until all traffic was on blue; 0 when there is no traffic to move."""
    cronjobs: tuple[str, ...]
    undone: tuple[str, ...]


def rollback(
    blue: Cluster, green: Cluster, switch: TrafficSwitch | None, *, state: State, journal: Journal, reporter: Reporter
) -> RollbackResult:
    """Move traffic first, then CronJobs; raises BlockedError once blue is retired, TrafficError when traffic can't be moved."""
    if state.stage is Stage.RETIRED:
        raise BlockedError("blue is retired: there is nothing to go back to", hint="its archive is beside the journal")
    journal.append("rollback-started")
    began = time.monotonic()
    if switch:
        reporter.emit(Step("all traffic to blue"))
        shift(0, switch, state, journal)
    seconds = time.monotonic() - began if switch else 0.0
    cronjobs = tuple(str(ref) for ref in state.fenced)
    if cronjobs:
        reporter.emit(Step(f"{len(cronjobs)} CronJobs back to blue"))
    undone = unfence(blue, green, state, journal)
    journal.append("rollback-ended", seconds=round(seconds, 3), cronjobs=list(cronjobs), undone=undone)
    journal.sync()
    return RollbackResult(seconds, cronjobs, tuple(undone))
