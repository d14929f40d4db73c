"""Hand back to blue what may run on one side only, whatever state green is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from migrator.errors import MigratorError
from migrator.migration.bounded import Answers, InBackground, reason
from migrator.migration.fence import Side, WayBack
from migrator.migration.one_side import act
from migrator.migration.one_side.groups import Group, groups_of
from migrator.migration.one_side.progress import await_all, not_working, still_runs
from migrator.model.one_side import Part, Where
from migrator.model.ref import ObjectRef
from migrator.ports import Blue, Clock
from migrator.rules.one_side.table import WORKLOADS

R = TypeVar("R")
Look = Callable[[Blue, Part, Where], str]
# How long a way back waits for blue's to work again; what does not by then is told.
_WORKS_SECONDS = 30.0


@dataclass(frozen=True)
class Returned:
    """What came of handing back."""

    back: tuple[ObjectRef, ...]
    """What has stopped on green and was started on blue, by its names on blue."""
    left: list[str]
    """What failed, one sentence each."""


def hand_back(handed: Mapping[ObjectRef, Part], back: WayBack, clock: Clock) -> Returned:
    """Stop on green what a cutover handed over, and start it on blue. Raises nothing.

    Both sides are asked at the same time. A green that does not answer is not waited for: what it runs may then run on both
    sides, and CronJobs are taken to have run until now. What answers and does not stop is not started on blue.
    """
    groups = groups_of(handed.values())
    stages = [[group for group in groups if group.first is first] for first in (True, False)]
    back.ready(groups)
    going = _Return(back, clock)
    for stage in stages:
        going.stop([part for group in stage for part in group.parts])
    for stage in reversed(stages):
        going.start(stage)
    back.release()
    return Returned(tuple(ref for ref in handed if going.is_back(ref)), going.sentences)


class _Return:
    """One way back; what one side does not do keeps nothing else from being done."""

    def __init__(self, back: WayBack, clock: Clock) -> None:
        self.sentences: list[str] = []
        self._back = back
        self._clock = clock
        self._blue = _Looked(back.blue, clock)
        self._green = _Looked(back.green, clock)
        self._stopped: Answers[ObjectRef, float | None] = Answers()
        self._running: dict[ObjectRef, str] = {}
        self._on_blue: set[ObjectRef] = set()

    def stop(self, parts: list[Part]) -> None:
        """Stop on green, and wait until it has stopped; CronJobs make no pods of their own."""
        seconds, clock = self._back.green.seconds, self._clock
        answers = self._green.do(parts, lambda at: act.stop(at, parts, "green", clock=clock, seconds=seconds))
        self._stopped.done |= answers.done
        self._stopped.failed |= answers.failed
        by_ref = {part.blue: part for part in parts}
        self.sentences += [f"{by_ref[ref].green} on green may still run: {reason(error)}" for ref, error in answers.failed.items()]
        waited = [part for part in parts if part.blue in answers.done and not act.is_cron_job(part)]
        if not waited:
            return
        left = self._green.do(waited, lambda at: self._awaited(at, waited, still_runs, "green", self._back.limits.stop))
        self._running |= left.done | {ref: reason(error) for ref, error in left.failed.items()}

    def runs(self, part: Part) -> bool:
        """Return whether a part has answered on green and not stopped there."""
        return part.blue in self._running

    def is_back(self, ref: ObjectRef) -> bool:
        """Return whether it has stopped on green and was started on blue."""
        return ref in self._on_blue and ref in self._stopped.done and ref not in self._running

    def start(self, groups: list[Group]) -> None:
        """Start on blue what no longer runs on green, and tell what does not work there soon; groups with data come last."""
        plain = [part for group in groups if not group.claims for part in group.parts]
        held = [part for part in plain if self.runs(part)]
        self.sentences += [f"{part.blue} is still stopped on blue: on green {self._running[part.blue]}" for part in held]
        self._start([part for part in plain if not self.runs(part)])
        for group in groups:
            if group.claims:
                self._start_with_data(group)

    def _start_with_data(self, group: Group) -> None:
        """Start a group on blue once its data is there; until then all of it stays stopped."""
        why = next((f"on green {self._running[part.blue]}" for part in group.parts if self.runs(part)), "")
        if not why:
            away = (reason(self._stopped.failed[part.blue]) for part in group.parts if part.blue in self._stopped.failed)
            try:
                self._back.bring(group, lost=next(away, ""))
            except Exception as error:  # noqa: BLE001 - going back goes on with other groups
                hint = f"; {error.hint}" if isinstance(error, MigratorError) and error.hint else ""
                why = f"{reason(error)}{hint}"
        if why:
            names = ", ".join(str(part.blue) for part in group.parts)
            self.sentences.append(f"{names} on blue stays stopped: {why}")
        else:
            self._start(list(group.parts))

    def _start(self, parts: list[Part]) -> None:
        started = self._blue.do(parts, lambda at: self._started(at, parts))
        self._on_blue |= started.done.keys()
        self.sentences += [f"{ref} on blue is still stopped: {reason(error)}" for ref, error in started.failed.items()]
        waited = [part for part in parts if started.done.get(part.blue) and part.resource.type_name in WORKLOADS]
        if waited:
            left = self._blue.do(waited, lambda at: self._awaited(at, waited, not_working, "blue", _WORKS_SECONDS))
            self.sentences += [f"{ref} on blue does not work yet: {why}" for ref, why in left.done.items()]

    def _awaited(self, cluster: Blue, parts: list[Part], look: Look, where: Where, limit: float) -> Answers[ObjectRef, str]:
        seconds = (self._back.green if where == "green" else self._back.blue).seconds
        return Answers(await_all(parts, lambda part: look(cluster, part, where), limit=limit, clock=self._clock, seconds=seconds))

    def _started(self, blue: Blue, parts: list[Part]) -> Answers[ObjectRef, bool]:
        done = self._stopped.done
        silent = {part.blue for part in parts if act.is_cron_job(part) and part.blue not in done}
        unknown = blue.server_time() if silent else None  # by blue's own clock, which is its controller's
        marks = {part.blue: unknown if part.blue in silent else done.get(part.blue) for part in parts}
        return act.start(blue, parts, "blue", marks, assumed=silent, clock=self._clock, seconds=self._back.blue.seconds)


class _Looked:
    """A side that is being looked at since the beginning of the way back."""

    def __init__(self, side: Side, clock: Clock) -> None:
        self._side = side
        self._looking = InBackground(lambda: side.look(clock), clock)
        self._found: Blue | Exception | None = None

    def do(self, parts: list[Part], work: Callable[[Blue], Answers[ObjectRef, R]]) -> Answers[ObjectRef, R]:
        """Do the work for parts; all of it has failed when the side is away."""
        try:
            return work(self._cluster()) if parts else Answers()
        except Exception as error:  # noqa: BLE001 - going back goes on, whatever one side does
            return Answers(failed={part.blue: error for part in parts})

    def _cluster(self) -> Blue:
        if self._found is None:
            try:
                self._found = self._looking.result(self._side.open_seconds + 2 * self._side.seconds)
            except Exception as error:  # noqa: BLE001 - it is raised each time
                self._found = error
        if isinstance(self._found, Exception):
            raise self._found
        return self._found
