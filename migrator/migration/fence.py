"""CronJobs run on one side only: where the traffic is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from migrator.errors import ApiError, BlockedError, UnavailableError
from migrator.journal.records.traffic import FenceAnnounced, Fenced
from migrator.migration import schedules
from migrator.migration.bounded import Answers, InBackground, reason
from migrator.migration.run import Run
from migrator.model.plan import Decision, Plan
from migrator.model.ref import ObjectRef
from migrator.ports import Blue, Clock

R = TypeVar("R")
_PATIENCE_SECONDS = 150.0
"""For each round of requests on the way to green; a bit more than a cluster waits for its server to come back."""


@dataclass(slots=True, frozen=True)
class Side:
    """A cluster on the way back, which may be away or be another one by now."""

    open: Callable[[], Blue]
    """Finds out where it is, and asks it nothing."""
    seconds: float
    """How long its first answer is waited for, and each round of requests."""
    identity: str = ""
    """Who it was when the migration began; empty: not known."""
    open_seconds: float = 0.0
    """How long `open` is waited for besides, where another program is asked."""

    def look(self, clock: Clock) -> Blue:
        """Ask the cluster one question; raises MigratorError when it does not answer, or is another one."""
        cluster = InBackground(self.open, clock).result(self.open_seconds + self.seconds)
        found = InBackground(cluster.identity, clock).result(self.seconds)
        if self.identity and found != self.identity:
            raise BlockedError("the kubeconfig leads to another cluster than the journal's")
        return cluster


GREEN_SECONDS = 3.0
BLUE_SECONDS = 20.0
"""How long going back waits for the one and the other side."""


def fence_blue(plan: Plan, blue: Blue, green: Blue, run: Run) -> dict[ObjectRef, ObjectRef]:
    """Suspend the moved CronJobs that run on blue, then resume them on green; return their names, blue to green.

    The journal names them first, on disk, so that a rollback can undo an interrupted run. Raises UnavailableError for the first
    that cannot be turned over.
    """
    moved = {item.blue: item.green for item in plan.of(Decision.MOVE) if item.blue.type_name == "CronJob.batch"}
    unknown = [ref for ref in moved if ref not in run.state.fenced]
    active = _all(schedules.active(blue, unknown, clock=run.clock, seconds=_PATIENCE_SECONDS), "read on blue")
    due = {ref: green_ref for ref, green_ref in moved.items() if active.get(ref, ref in run.state.fenced)}
    if due:
        schedules.require_status_access(blue, next(iter(due)))
        run.write(FenceAnnounced(due))
        run.ledger.sync()
        last = _all(schedules.suspend(blue, due, clock=run.clock, seconds=_PATIENCE_SECONDS), "suspended on blue")
        times = {due[ref]: at for ref, at in last.items()}
        _all(schedules.resume(green, times, clock=run.clock, seconds=_PATIENCE_SECONDS), "resumed on green")
        run.write(Fenced(tuple(due)))
    return due


def hand_back(fenced: Mapping[ObjectRef, ObjectRef], blue: Side, green: Side, clock: Clock) -> list[str]:
    """Suspend CronJobs on green and resume them on blue; return what failed, one sentence each. Raises nothing.

    Both sides are asked at the same time. A green that does not answer is not waited for: its last runs are then taken to be now.
    """
    looking = InBackground(lambda: blue.look(clock), clock), InBackground(lambda: green.look(clock), clock)
    refs = fenced.values()
    ran = _on(looking[1], green, refs, lambda at: schedules.suspend(at, refs, clock=clock, seconds=green.seconds))
    back = _on(looking[0], blue, fenced, lambda at: _resume(at, fenced, ran, seconds=blue.seconds, clock=clock))
    return [
        *(f"{ref} on green may still run: {reason(error)}" for ref, error in ran.failed.items()),
        *(f"{ref} on blue is still suspended: {reason(error)}" for ref, error in back.failed.items()),
    ]


def _on(
    looking: InBackground[Blue], side: Side, refs: Iterable[ObjectRef], work: Callable[[Blue], Answers[ObjectRef, R]]
) -> Answers[ObjectRef, R]:
    """Do the work on a side that is being looked at; all of it has failed when the side is away."""
    try:
        return work(looking.result(side.open_seconds + 2 * side.seconds))
    except Exception as error:  # noqa: BLE001 - going back goes on, whatever one side does
        return Answers(failed=dict.fromkeys(refs, error))


def _resume(
    blue: Blue, fenced: Mapping[ObjectRef, ObjectRef], ran: Answers[ObjectRef, float | None], *, seconds: float, clock: Clock
) -> Answers[ObjectRef, bool]:
    # By blue's own clock, which is its controller's.
    unknown = None if set(fenced.values()) <= ran.done.keys() else blue.server_time()
    last = {ref: ran.done.get(green_ref, unknown) for ref, green_ref in fenced.items()}
    return schedules.resume(blue, last, clock=clock, seconds=seconds)


def _all(answers: Answers[ObjectRef, R], what: str) -> dict[ObjectRef, R]:
    """Return all answers; raises the first failure."""
    for ref, error in answers.failed.items():
        if isinstance(error, ApiError):
            raise UnavailableError(f"{ref} cannot be {what}: {error.message}", status=error.status, hint=error.hint) from error
        raise error
    return answers.done
