"""What comes after traffic is on blue again (`traffic_back.py`): what runs on one side only; nothing of it stops the rest."""

from __future__ import annotations

from dataclasses import dataclass, field

from migrator.config.schema import Hooks
from migrator.errors import TrafficError
from migrator.journal.records.migration import HookStarted
from migrator.journal.records.traffic import RollbackEnded, RollbackStarted
from migrator.migration.fence import WayBack
from migrator.migration.leaving import counted, wait_until_left
from migrator.migration.one_side.now import handed_unseen
from migrator.migration.run import Run
from migrator.migration.traffic_back import TrafficMoved
from migrator.migration.undo import Undo, shifted_back
from migrator.model.events import Step
from migrator.ports import CommandRunner


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
    if not handed and run.state.sides.held and (unseen := handed_unseen(run.state.sides.held, back, run.clock)):
        undo.undone.append(unseen)
    still_open = _wait(moved, undo)
    if moved.switch:
        undo.look_again(moved.switch, end_connections=moved.waits_for is None)
        undo.keep_across_restart(moved.switch)
    undo.write(RollbackEnded(moved.seconds, handed, tuple(undo.undone)))
    return RollbackResult(moved.seconds, tuple(map(str, undo.handed_back)), undo.left, moved.connections[0], still_open)


def _wait(moved: TrafficMoved, undo: Undo) -> dict[str, int]:
    """Return what is open on green, after the time that it has to end by itself."""
    if moved.waits_for is None:
        return moved.connections[1]
    try:
        still_open = wait_until_left(moved.waits_for, undo.run, moved.limit, undo.show)
    except TrafficError as error:
        undo.undone.append(f"the open connections are unknown on green: {error.message}")
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
