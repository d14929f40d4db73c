"""Take back, whatever fails meanwhile: act first, write afterwards."""

from __future__ import annotations

import contextlib

from migrator.errors import MigratorError
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.one_side import HandBackAnnounced, HandedBack
from migrator.journal.records.traffic import Shifted
from migrator.migration.bounded import reason
from migrator.migration.fence import WayBack
from migrator.migration.leaving import counted
from migrator.migration.next_start import announced
from migrator.migration.one_side.back import hand_back
from migrator.migration.one_side.guards import put_back
from migrator.migration.run import Run
from migrator.migration.traffic_back import traffic_to_blue
from migrator.model.events import Event, Note
from migrator.model.ref import ObjectRef
from migrator.model.traffic import Withdrawal
from migrator.ports import TrafficSwitch


def shifted_back(withdrawal: Withdrawal) -> Shifted:
    """Return the record of traffic that is back on blue."""
    return Shifted(withdrawal.reading.green_percent, dict(withdrawal.reading.servers), dict(withdrawal.ended))


class Undo:
    """One way back. A journal that cannot be written, and a terminal that is gone, do not keep it from its next act."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.undone: list[str] = []
        """What could not be taken back, one sentence each."""
        self.withdrawal: Withdrawal | None = None
        """What the load balancer says once all traffic is on blue."""
        self.handed_back: tuple[ObjectRef, ...] = ()
        """What runs on blue again and has stopped on green."""
        self._missed = False
        self._answers = True
        self._unwritten = ""
        with contextlib.suppress(Exception):
            run.ledger.use_reserve()

    def traffic(self, switch: TrafficSwitch) -> MigratorError | None:
        """Shift all traffic to blue and keep what was read back; return why it is not there."""
        try:
            self.withdrawal, complaint = traffic_to_blue(switch)
        except Exception as error:  # noqa: BLE001 - the rest of the undo goes on
            return error if isinstance(error, MigratorError) else MigratorError(reason(error))
        self.withdrawn(self.withdrawal, complaint)
        return None

    def withdrawn(self, withdrawal: Withdrawal, complaint: str, *, may_stay: bool = False) -> None:
        """Take note of what came of moving all traffic to blue; connections on green that nobody wanted to stay are undone."""
        if complaint:
            self.undone.append(f"the load balancer: {complaint}")
        if withdrawal.reading.green_sessions and not may_stay:
            self.undone.append(f"{counted(withdrawal.reading.green_sessions)} on green did not end")
        self.undone += (*withdrawal.missed, *withdrawal.lacking)
        self._missed = bool(withdrawal.missed)
        if withdrawal.stale_seconds:
            self.show(Note(f"clients may stay behind on green for up to {withdrawal.stale_seconds:g} s, until their caches expire"))
        if withdrawal.ended:
            self.show(Note(f"{counted(withdrawal.ended)} on green were ended", warning=True))

    def look_again(self, switch: TrafficSwitch, *, end_connections: bool = True) -> None:
        """Move the traffic once more if green has some again.

        An HAProxy that was started meanwhile (a reload) may have read its state file before the new weights stood there. Where an
        instance could not be told, the next rollback looks at all of them.
        """
        if self._missed:
            return
        try:
            percent = switch.read().green_percent
            if not percent:
                return
            self.show(Note(f"green has {percent:g} % of the traffic again, as after a reload: it is moved once more", warning=True))
            withdrawal, complaint = traffic_to_blue(switch, end_connections=end_connections)
        except Exception as error:  # noqa: BLE001 - the rest of the undo goes on
            self._answers = False
            self.undone.append(f"whether all traffic is still on blue is unknown: {reason(error)}")
            return
        self.withdrawn(withdrawal, complaint, may_stay=not end_connections)
        self.write(shifted_back(withdrawal))

    def keep_across_restart(self, switch: TrafficSwitch) -> None:
        """Write into the load balancer's configuration, where that is asked, what its next start is to give; tell what is left."""
        if not self._answers:
            return
        try:
            texts = switch.after_restart(announced(self.write, self.show))
        except Exception as error:  # noqa: BLE001 - the rest of the undo goes on
            self.undone.append(f"after a restart of the load balancer: {reason(error)}{_hint(error)}")
            return
        for text in texts:
            self.show(Note(text, warning=True))

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

    def hand_back(self, back: WayBack) -> None:
        """Hand back to blue what a cutover handed over."""
        handed = dict(self.run.state.handed)
        if not handed:
            return
        returned = hand_back(handed, back, self.run.clock)
        self.handed_back, left = returned.back, returned.left
        sides = self.run.state.sides
        unguarded, guarded = put_back(sides.held, sides.guards, back, self.run.clock)
        left += unguarded
        self.undone += left
        # After the act: a journal that hangs or is full must not delay blue.
        self.write(HandBackAnnounced(tuple(handed)))
        for record in guarded:
            self.write(record)
        if not left:
            self.write(HandedBack())

    @property
    def left(self) -> tuple[str, ...]:
        """What a person still has to look after, one sentence each."""
        unwritten = (f"this was done, but could not be written to the journal: {self._unwritten}",) if self._unwritten else ()
        return (*self.undone, *unwritten)


def _hint(error: Exception) -> str:
    return f" ({error.hint})" if isinstance(error, MigratorError) and error.hint else ""
