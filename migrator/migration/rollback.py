"""Shift all traffic back to blue in one step, whatever state green is in; then what runs on one side only.

Traffic needs the load balancer and a journal that can be read. Everything else comes afterwards, and stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from migrator.config.schema import Hooks
from migrator.errors import BlockedError, TrafficError
from migrator.journal.records.base import Entry, Header
from migrator.journal.records.migration import HookStarted, MigrationRecord, Retired
from migrator.journal.records.traffic import RollbackEnded, RollbackStarted
from migrator.migration.fence import WayBack
from migrator.migration.leaving import counted, wait_until_left
from migrator.migration.run import Run
from migrator.migration.undo import Undo, shifted_back, traffic_to_blue
from migrator.model.events import Step
from migrator.model.traffic import Withdrawal
from migrator.ports import CommandRunner, Reporter, TrafficSwitch


@dataclass(slots=True, frozen=True)
class TrafficMoved:
    """All traffic is on blue, or there is no load balancer."""

    seconds: float = 0.0
    """From the start of the process until this was read back; 0 without a load balancer."""
    withdrawal: Withdrawal | None = None
    complaint: str = ""
    """What the load balancer could not do besides, such as keep the weights across a restart."""
    waits_for: TrafficSwitch | None = None
    """Where connections on green may end by themselves, within `limit`."""
    limit: float = 0.0

    @property
    def connections(self) -> tuple[dict[str, int], dict[str, int]]:
        """Those that were open on green and were ended, and those that were not, by server."""
        return (self.withdrawal.ended, self.withdrawal.reading.green_sessions) if self.withdrawal else ({}, {})


@dataclass(slots=True, frozen=True)
class RollbackResult:
    """What a rollback did, and what it could not undo."""

    traffic_seconds: float
    """Time from the start of the process until all traffic was on blue; 0 without a load balancer."""
    handed_back: tuple[str, ...]
    """What runs on blue again, unless it is undone."""
    undone: tuple[str, ...]
    ended: dict[str, int] = field(default_factory=dict)
    """Connections that were open on green and were ended, by server."""
    still_open: dict[str, int] = field(default_factory=dict)
    """Connections that are open on green, by server."""


DECISIVE = (Header.WORD, Retired.WORD)
"""The records that a rollback reads before the traffic moves: two of many thousands."""


def move_traffic(
    name: str,
    entries: Iterable[Entry[MigrationRecord]],
    switch: TrafficSwitch | None,
    reporter: Reporter,
    age: Callable[[], float],
    *,
    graceful: float | None = None,
) -> TrafficMoved:
    """Shift all traffic to blue before anything else; `age` returns the seconds since the process began.

    What is open on green is ended, or with `graceful` gets that many seconds, which `finish` waits for.

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
    withdrawal, complaint = traffic_to_blue(switch, end_connections=graceful is None)
    waits_for = None if graceful is None else switch
    moved = TrafficMoved(round(age(), 3), withdrawal, complaint, waits_for, graceful or 0.0)
    reporter.emit(Step(f"all traffic is on blue, after {moved.seconds * 1000:.0f} ms"))
    return moved


def finish(moved: TrafficMoved, back: WayBack, *, run: Run) -> RollbackResult:
    """Hand back what runs on one side only, and write down what was done; what cannot be done is in the result. Raises nothing."""
    undo = Undo(run)
    undo.write(RollbackStarted())
    if moved.withdrawal:
        undo.withdrawn(moved.withdrawal, moved.complaint, may_stay=moved.waits_for is not None)
        undo.write(shifted_back(moved.withdrawal))
    handed = tuple(run.state.handed)
    if handed:
        undo.show(Step(f"{len(handed)} objects that run on one side only back to blue"))
    undo.hand_back(back)
    still_open = _wait(moved, undo)
    undo.write(RollbackEnded(moved.seconds, handed, tuple(undo.undone)))
    return RollbackResult(moved.seconds, tuple(map(str, undo.handed_back)), undo.left, moved.connections[0], still_open)


def _wait(moved: TrafficMoved, undo: Undo) -> dict[str, int]:
    """Return what is open on green, after the time that it has to end by itself."""
    if moved.waits_for is None:
        return moved.connections[1]
    try:
        still_open = wait_until_left(moved.waits_for, undo.run, moved.limit, undo.show)
    except TrafficError as error:
        undo.undone.append(f"nobody can tell what is open on green: {error.message}")
        return {}
    if still_open:
        undo.undone.append(f"{counted(still_open)} on green after {moved.limit:g} s; without --graceful they are ended")
    return still_open


def after(hooks: Hooks, runner: CommandRunner, run: Run) -> None:
    """Run the person's commands; raises CommandFailedError at the first that fails."""
    for command in hooks.after_rollback:
        run.reporter.emit(Step(f"hook afterRollback: {command[0]}"))
        Undo(run).write(HookStarted("afterRollback", command[0]))
        runner.run(command, hooks.timeout.total_seconds())
