"""Who runs where, folded from a migration's journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from migrator.journal.records import one_side as records
from migrator.journal.records import traffic
from migrator.model.kinds import CRON_JOBS
from migrator.model.one_side import HeldField, Part, Where
from migrator.model.ref import ObjectRef

SidesRecord = records.HandOverRecord | records.GuardRecord | traffic.FenceRecord


@dataclass(slots=True, frozen=True)
class Sides:
    """What runs on one side only, and on which."""

    held: tuple[Part, ...] = ()
    """What the last copy held on green."""
    handed: Mapping[ObjectRef, Part] = field(default_factory=dict)
    """What a cutover has stopped on blue, or was about to: by its name on blue, until all of it runs there again."""
    steps: Mapping[str, records.Step] = field(default_factory=dict)
    """How far each group of a hand-over is."""
    paused: Mapping[str, records.Paused] = field(default_factory=dict)
    """How long each group with data stood still the last time."""
    turning: bool = False
    """Whether objects were told to change sides, and nobody knows which of them have."""
    guards: Mapping[Where, frozenset[str]] = field(default_factory=dict)
    """The groups that a policy guards on a side, or may."""
    guarding: frozenset[Where] = frozenset()
    """Where policies were announced, and nobody knows which of them stand."""

    def where(self, part: Part, *, going_back: bool) -> str:
        """Return where a part runs, by the journal."""
        if part.blue not in self.handed:
            return "blue"
        if not self.turning:
            return "green"
        return "unknown" if going_back else _WHERE[self.steps.get(part.row)]


_WHERE: Mapping[records.Step | None, str] = {
    None: "blue",
    "stop": "stopping on blue",
    "stopped": "neither: stopped on blue",
    "start": "starting on green",
    "works": "green",
}


def after(sides: Sides, record: SidesRecord) -> Sides:
    """Return the sides after one more record."""
    if isinstance(record, records.GuardRecord):
        return _after_guard(sides, record)
    match record:
        case records.Held(parts=parts):
            return replace(sides, held=tuple(item.part for item in parts))
        case records.HandOverAnnounced(parts=parts):
            return _announced(sides, {item.blue: item.part for item in parts})
        case records.HandOverStep(row=row, step=step):
            return replace(sides, steps={**sides.steps, row: step})
        case records.Paused(row=row):
            return replace(sides, paused={**sides.paused, row: record})
        case records.HandedOver() | traffic.Fenced():
            return replace(sides, turning=False)
        case records.HandedBack() | traffic.Unfenced():
            return replace(sides, handed={}, steps={}, turning=False)
        case records.HandBackAnnounced() | traffic.UnfenceAnnounced():
            return replace(sides, turning=True)  # they count as handed over until all of them run on blue again
        case traffic.FenceAnnounced(cronjobs=cronjobs):
            return _announced(sides, {blue: cron_job(blue, green) for blue, green in cronjobs.items()})
        case _:
            assert_never(record)


def _after_guard(sides: Sides, record: records.GuardRecord) -> Sides:
    side, rows = record.side, frozenset(record.rows)
    if isinstance(record, records.Guarded):
        return replace(sides, guards={**sides.guards, side: rows}, guarding=sides.guarding - {side})
    may = sides.guards.get(side, frozenset()) | rows
    return replace(sides, guards={**sides.guards, side: may}, guarding=sides.guarding | {side})


def _announced(sides: Sides, parts: Mapping[ObjectRef, Part]) -> Sides:
    return replace(sides, handed={**sides.handed, **parts}, steps={}, turning=True)


def cron_job(blue: ObjectRef, green: ObjectRef) -> Part:
    """Return the part of a CronJob that runs on blue."""
    fields = (HeldField(("spec", "suspend"), held=True, blue=False, green=False),)
    return Part(blue, green, "CronJob", CRON_JOBS, fields)
