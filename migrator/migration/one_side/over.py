"""Hand over at a cutover what may run on one side only: stopped on blue, then started on green, group by group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from migrator.errors import ApiError, BlockedError, ForbiddenError, GateFailedError, UnavailableError
from migrator.journal.records.one_side import HandedOver, HandOverAnnounced, HandOverStep, PartRecord, Paused, Step
from migrator.migration.bounded import Answers, each
from migrator.migration.fence import Between, Guarding, Limits, nothing
from migrator.migration.one_side import act, guards
from migrator.migration.one_side.groups import Group, groups_of
from migrator.migration.one_side.progress import await_all, still_runs
from migrator.migration.one_side.proving import Proving
from migrator.migration.run import Run
from migrator.model import events
from migrator.model.manifest import get
from migrator.model.one_side import Part, Where
from migrator.model.plan import Plan
from migrator.model.ref import ObjectRef
from migrator.ports import Blue
from migrator.rules.one_side.waker import last_writer

R = TypeVar("R")
# For each round of requests on the way to green; a bit more than a cluster waits for its server to come back.
_PATIENCE_SECONDS = 150.0


def ready_to_hand_over(plan: Plan, blue: Blue, green: Blue, run: Run) -> tuple[Part, ...]:
    """Return what is to be handed over: what runs on blue, and what an interrupted hand-over has stopped there; change nothing.

    Raises BlockedError when it could not be handed back, or runs on green, too.
    """
    due = _due(plan, blue, run)
    _require_claims_kept(blue, due, run)
    _require_way_back(blue, due, run)
    _require_held(green, [part for part in due if part.blue not in run.state.handed], run)
    return due


def hand_over(
    due: tuple[Part, ...],
    blue: Blue,
    green: Blue,
    run: Run,
    limits: Limits,
    *,
    between: Between = nothing,
    guarding: Guarding | None = None,
) -> tuple[Paused, ...]:
    """Stop these on blue, and start them on green, group by group; return how long each group with data stood still.

    The journal names all of it first, on disk, and each step before it, so that an interrupted run is continued or undone. What
    could start others is stopped before them and started after them. A group's guard stands on blue before it is started on green,
    and is gone from green by then. Raises GateFailedError when a limit is over,
    UnavailableError for a request that fails.
    """
    if not due:
        return ()
    run.write(HandOverAnnounced(tuple(map(PartRecord.of, due))))
    run.ledger.sync()
    groups = groups_of(due)
    over = _HandOver(blue, green, run, limits, between, _Guards(blue, green, run, guarding or Guarding(), due))
    first, rest = [group for group in groups if group.first], [group for group in groups if not group.first]
    for group in first:
        over.stop(group)
    for group in rest:
        over.stop(group)
        over.start(group)
    # Starters last: they would start on green what blue still runs.
    for group in reversed(first):
        over.start(group)
    run.write(HandedOver(tuple(part.blue for part in due)))
    return tuple(over.pauses)


def _due(plan: Plan, blue: Blue, run: Run) -> tuple[Part, ...]:
    """Return what runs on blue now, and what an interrupted hand-over has stopped there."""
    handed = run.state.handed
    parts = [handed.get(part.blue, part) for part in plan.parts()]
    unknown = [part for part in parts if part.blue not in handed]
    by_ref = {part.blue: part for part in unknown}
    live = _all(each(by_ref, lambda ref: _runs(blue, by_ref[ref]), seconds=_PATIENCE_SECONDS, clock=run.clock), "read on blue")
    return tuple(part for part in parts if live.get(part.blue, part.blue in handed))


def _runs(blue: Blue, part: Part) -> bool:
    manifest = act.read(blue, part, "blue")
    return manifest is not None and not part.is_held(manifest)


def _require_claims_kept(blue: Blue, parts: Iterable[Part], run: Run) -> None:
    """Raise BlockedError when stopping a StatefulSet would delete its claims: its controller does so at 0 replicas (KEP 1847)."""
    by_ref = {part.blue: part for part in parts if part.blue.kind == "StatefulSet"}
    live = each(by_ref, lambda ref: act.read(blue, by_ref[ref], "blue"), seconds=_PATIENCE_SECONDS, clock=run.clock)
    for ref, manifest in sorted(_all(live, "read on blue").items()):
        if manifest and get(manifest, "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled") == "Delete":
            raise BlockedError(
                f"{ref} would lose its claims when it is stopped: spec.persistentVolumeClaimRetentionPolicy.whenScaled is Delete",
                hint="set it to Retain on blue, copy again, then cut over",
            )


def _require_way_back(blue: Blue, parts: Iterable[Part], run: Run) -> None:
    by_ref = {part.blue: part for part in parts}
    answers = each(by_ref, lambda ref: act.rehearse(blue, by_ref[ref]), seconds=_PATIENCE_SECONDS, clock=run.clock)
    for ref, error in sorted(answers.failed.items()):
        if isinstance(error, ForbiddenError):
            raise BlockedError(
                f"the way back is not open for {ref}: {error.message}",
                hint="a hand-over stops it on blue, and a rollback starts it there again: apply deploy/rbac-blue.yaml again",
            ) from error
    _all(answers, "stopped on blue")


def _require_held(green: Blue, parts: Iterable[Part], run: Run) -> None:
    """Raise BlockedError when something that blue still runs is not held on green."""
    by_ref = {part.blue: part for part in parts}
    live = each(by_ref, lambda ref: act.read(green, by_ref[ref], "green"), seconds=_PATIENCE_SECONDS, clock=run.clock)
    for ref, manifest in sorted(_all(live, "read on green").items()):
        part = by_ref[ref]
        if manifest is not None and not part.is_held(manifest):
            who = last_writer(manifest, part) or "somebody"
            raise BlockedError(
                f"{part.green} runs on green and on blue: {who} took away what holds it there ({part.fields[0].words})",
                hint="find out who starts it (an autoscaler, an operator, a person) and hold it again; then validate and cut over",
            )


class _Guards:
    """The guards on both sides, which change with each group."""

    def __init__(self, blue: Blue, green: Blue, run: Run, guarding: Guarding, due: tuple[Part, ...]) -> None:
        self._clusters: Mapping[Where, Blue] = {"blue": blue, "green": green}
        self._run = run
        self._guarding = guarding
        self._due = due

    def raise_on(self, where: Where, group: Group) -> None:
        """Let a group's guard stand, too."""
        self._keep(where, self._standing(where) | {group.row})
        guards.prove(where, self._clusters[where], group.parts, self._guarding, self._run)

    def lift_from(self, where: Where, group: Group) -> None:
        """Let a group's guard stand no more."""
        self._keep(where, self._standing(where) - {group.row})

    def _standing(self, where: Where) -> frozenset[str]:
        return self._run.state.sides.guards.get(where, frozenset())

    def _keep(self, where: Where, rows: frozenset[str]) -> None:
        parts = (part for part in self._due if part.row in rows)
        guards.keep(where, self._clusters[where], parts, self._guarding, self._run)


class _HandOver:
    """One hand-over under way."""

    def __init__(self, blue: Blue, green: Blue, run: Run, limits: Limits, between: Between, guarded: _Guards) -> None:
        self._blue = blue
        self._green = green
        self._run = run
        self._limits = limits
        self._between = between
        self._guards = guarded
        self._marks: dict[ObjectRef, float | None] = {}
        self.pauses: list[Paused] = []
        # When each group was told to stop, and when it had stopped.
        self._since: dict[str, tuple[float, float]] = {}
        # What of each group blue still has: what a person has deleted since the plan is not started on green.
        self._there: dict[str, list[Part]] = {}

    def stop(self, group: Group) -> None:
        """Stop a group on blue and wait until it has stopped."""
        began = self._run.clock.monotonic()
        self._say(group, "stop", f"{group.row}: stopping {len(group.parts)} on blue")
        stopped = act.stop(self._blue, group.parts, "blue", clock=self._run.clock, seconds=_PATIENCE_SECONDS)
        self._marks |= _all(stopped, "stopped on blue")
        self._there[group.row] = [part for part in group.parts if part.blue in stopped.done]
        self._await(group, lambda part: still_runs(self._blue, part, "blue"), self._limits.stop, "stopped on blue")
        self._write(group, "stopped")
        self._since[group.row] = began, self._run.clock.monotonic()
        self._guards.raise_on("blue", group)

    def start(self, group: Group) -> None:
        """Start a group on green and wait until it works."""
        self._between(group)
        brought = self._run.clock.monotonic()
        self._guards.lift_from("green", group)
        there = self._there[group.row]
        self._say(group, "start", f"{group.row}: starting {len(there)} on green")
        started = act.start(self._green, there, "green", self._marks, clock=self._run.clock, seconds=_PATIENCE_SECONDS)
        _all(started, "started on green")
        proving = Proving(self._green, "green", self._run.clock)
        self._await(group, proving.look, self._limits.start, "working on green")
        for ref, why in sorted(proving.unproven.items()):
            text = f"{ref} is ready on green, and nothing proves that it reaches what it writes to: {why}"
            self._run.reporter.emit(events.Note(text, warning=True))
        self._write(group, "works")
        if group.claims:
            self._tell_pause(group, brought)

    def _tell_pause(self, group: Group, brought: float) -> None:
        """Print and keep how long a group with data stood still."""
        began, stopped = self._since[group.row]
        now = self._run.clock.monotonic()
        whole, *parts = (round(seconds * 1000) for seconds in (now - began, stopped - began, brought - stopped, now - brought))
        pause = Paused(group.row, whole, *parts)
        self.pauses.append(pause)
        self._run.write(pause)
        self._run.reporter.emit(
            events.Step(f"{group.row}: downtime {whole} ms (stop {pause.stop}, data {pause.data}, start {pause.start})")
        )

    def _await(self, group: Group, look: Callable[[Part], str], limit: float, what: str) -> None:
        left = await_all(self._there[group.row], look, limit=limit, clock=self._run.clock, seconds=_PATIENCE_SECONDS)
        if left:
            ref, why = next(iter(sorted(left.items())))
            more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
            raise GateFailedError(
                f"{ref} is not {what} after {limit:g} s: {why}{more}",
                hint="see `kubectl describe` and `kubectl logs` of it; cutover.stopTimeout and cutover.startTimeout give it longer",
            )

    def _say(self, group: Group, step: Step, text: str) -> None:
        self._run.reporter.emit(events.Step(text))
        self._write(group, step)

    def _write(self, group: Group, step: Step) -> None:
        self._run.write(HandOverStep(group.row, step))


def _all(answers: Answers[ObjectRef, R], what: str) -> dict[ObjectRef, R]:
    """Return all answers; raises the first failure."""
    for ref, error in answers.failed.items():
        if isinstance(error, ApiError):
            raise UnavailableError(f"{ref} cannot be {what}: {error.message}", status=error.status, hint=error.hint) from error
        raise error
    return answers.done
