"""Where a migration stands, folded from its journal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef, parse_ref


class Stage(StrEnum):
    """How far the migration is."""

    NEW = "new"
    COPIED = "copied"
    VALIDATED = "validated"
    CUTTING_OVER = "cutting over"
    ON_GREEN = "on green"
    ROLLED_BACK = "rolled back"
    RETIRED = "retired"


@dataclass(slots=True)
class Written:
    """What is known of an object that was brought to green."""

    uid: str
    green_token: str
    blue_token: str
    made: bool
    """This tool created it; only then may it delete it."""


@dataclass(slots=True)
class State:
    """The fold of all journal lines."""

    stage: Stage = Stage.NEW
    written: dict[ObjectRef, Written] = field(default_factory=dict)
    intended: set[ObjectRef] = field(default_factory=set)
    """Creation was announced, but no outcome seen: a killed run may have written them."""
    fenced: dict[ObjectRef, ObjectRef] = field(default_factory=dict)
    """CronJobs suspended on blue by a cutover (blue ref: green ref)."""
    green_percent: float = 0.0
    good_verdict_at: float | None = None
    on_green_since: float | None = None
    copied_at: float | None = None

    def apply(self, line: dict[str, Any]) -> None:
        """Take one line of the journal into account."""
        handler = _HANDLERS.get(line["event"])
        if handler:
            handler(self, line)


def fold(lines: Iterable[dict[str, Any]]) -> State:
    """Return the state after these journal lines."""
    state = State()
    for line in lines:
        state.apply(line)
    return state


def _wave(state: State, line: dict[str, Any]) -> None:
    state.intended |= {parse_ref(text) for text in line["create"]}


def _outcome(state: State, line: dict[str, Any]) -> None:
    ref = parse_ref(line["ref"])
    state.intended.discard(ref)
    if line["action"] == Action.DELETED:
        state.written.pop(ref, None)
    elif line.get("uid"):
        before = state.written.get(ref)
        made = line["made"] or (before is not None and before.made and before.uid == line["uid"])
        state.written[ref] = Written(line["uid"], line["green"], line["blue"], made)


def _copied(state: State, line: dict[str, Any]) -> None:
    state.copied_at = line["at"]
    state.good_verdict_at = None
    if state.stage in (Stage.NEW, Stage.VALIDATED, Stage.ROLLED_BACK):
        state.stage = Stage.COPIED


def _verdict(state: State, line: dict[str, Any]) -> None:
    state.good_verdict_at = line["at"] if line["good"] else None
    if line["good"] and state.stage in (Stage.NEW, Stage.COPIED, Stage.ROLLED_BACK):
        state.stage = Stage.VALIDATED


def _cutover_started(state: State, _: dict[str, Any]) -> None:
    state.stage = Stage.CUTTING_OVER


def _fence(state: State, line: dict[str, Any]) -> None:
    state.fenced |= {parse_ref(blue): parse_ref(green) for blue, green in line["cronjobs"].items()}


def _unfenced(state: State, _: dict[str, Any]) -> None:
    state.fenced.clear()


def _shift(state: State, line: dict[str, Any]) -> None:
    state.green_percent = line["percent"]


def _cutover_ended(state: State, line: dict[str, Any]) -> None:
    state.stage = Stage.ON_GREEN if line["good"] else Stage.ROLLED_BACK
    state.on_green_since = line["at"] if line["good"] else None


def _rolled_back(state: State, _: dict[str, Any]) -> None:
    state.stage = Stage.ROLLED_BACK
    state.on_green_since = None
    state.good_verdict_at = None


def _retired(state: State, _: dict[str, Any]) -> None:
    state.stage = Stage.RETIRED


_HANDLERS = {
    "wave": _wave,
    "outcome": _outcome,
    "copy-ended": _copied,
    "verdict": _verdict,
    "cutover-started": _cutover_started,
    "fence": _fence,
    "unfenced": _unfenced,
    "shift": _shift,
    "cutover-ended": _cutover_ended,
    "rollback-ended": _rolled_back,
    "retired": _retired,
}
