"""Take back, whatever fails meanwhile: act first, write afterwards."""

from __future__ import annotations

import contextlib

from migrator.errors import MigratorError
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.traffic import UnfenceAnnounced, Unfenced
from migrator.migration.bounded import reason
from migrator.migration.fence import Side, hand_back
from migrator.migration.run import Run
from migrator.model.events import Event
from migrator.model.traffic import TrafficReading
from migrator.ports import TrafficSwitch


def traffic_to_blue(switch: TrafficSwitch) -> tuple[TrafficReading, str]:
    """Shift all traffic to blue; return what was read back, and what the load balancer could not do besides.

    Raises its error while green has traffic, and when nobody can tell.
    """
    try:
        return switch.shift(0), ""
    except Exception as error:
        with contextlib.suppress(Exception):
            reading = switch.read()
            if not reading.green_percent:
                return reading, reason(error)
        raise


class Undo:
    """One way back. A journal that cannot be written, and a terminal that is gone, do not keep it from its next act."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.undone: list[str] = []
        """What could not be taken back, one sentence each."""
        self.reading: TrafficReading | None = None
        """What the load balancer says once all traffic is on blue."""
        self._unwritten = ""
        with contextlib.suppress(Exception):
            run.ledger.use_reserve()

    def traffic(self, switch: TrafficSwitch) -> MigratorError | None:
        """Shift all traffic to blue and keep what was read back; return why it is not there."""
        try:
            self.reading, complaint = traffic_to_blue(switch)
        except Exception as error:  # noqa: BLE001 - the rest of the undo goes on
            return error if isinstance(error, MigratorError) else MigratorError(reason(error))
        if complaint:
            self.undone.append(f"the load balancer: {complaint}")
        return None

    def write(self, record: MigrationRecord) -> None:
        """Write a record of what was done, if the journal takes it."""
        try:
            self.run.write(record)
        except Exception as error:  # noqa: BLE001 - the way back does not depend on the journal
            self._unwritten = self._unwritten or reason(error) + _hint(error)

    def show(self, event: Event) -> None:
        """Show an event, if somebody still looks."""
        with contextlib.suppress(Exception):
            self.run.reporter.emit(event)

    def cronjobs(self, blue: Side, green: Side) -> None:
        """Hand the CronJobs that a cutover fenced back to blue."""
        fenced = dict(self.run.state.fenced)
        if not fenced:
            return
        left = hand_back(fenced, blue, green, self.run.clock)
        self.undone += left
        self.write(UnfenceAnnounced(fenced))
        if not left:
            self.write(Unfenced())

    @property
    def left(self) -> tuple[str, ...]:
        """What a person still has to look after, one sentence each."""
        unwritten = (f"the journal does not say that this was done: {self._unwritten}",) if self._unwritten else ()
        return (*self.undone, *unwritten)


def _hint(error: Exception) -> str:
    return f" ({error.hint})" if isinstance(error, MigratorError) and error.hint else ""
