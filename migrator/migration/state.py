"""The state of a migration, folded from its journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never

from migrator.journal.records import data, decisive, traffic
from migrator.journal.records import migration as records
from migrator.journal.records.base import Bound, Entry, Header
from migrator.journal.records.migration import MigrationRecord
from migrator.migration.ages import Moment
from migrator.migration.data import state as data_state
from migrator.migration.one_side import sides
from migrator.migration.one_side.sides import Sides
from migrator.model.one_side import Part
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef


class Stage(StrEnum):
    """How far the migration is."""

    NEW = "new"
    COPIED = "copied"
    VALIDATED = "validated"
    CUTTING_OVER = "cutting over"
    ON_GREEN = "on green"
    ROLLED_BACK = "rolled back"
    RETIRED = "retired"


@dataclass(slots=True, frozen=True)
class Written:
    """What the journal says about an object on green."""

    uid: str
    green_token: str
    blue_token: str
    made: bool
    """Whether this tool created it, and therefore may delete it."""
    finished: bool = True
    """Whether all requests for it succeeded; else an owner of fields or a Job's end may be missing."""

    def agrees(self, *, uid: str, green_token: str, blue_token: str) -> bool:
        """Return whether it is the same object, finished, and nobody wrote to either side since."""
        return self.finished and (self.uid, self.green_token, self.blue_token) == (uid, green_token, blue_token)


@dataclass(slots=True, frozen=True)
class Attempt:
    """When a run may have created an object whose outcome is not known, in seconds since 1970 by green's clock."""

    since: float
    until: float


@dataclass(slots=True, frozen=True)
class State:
    """The state after all journal entries up to one moment."""

    stage: Stage = Stage.NEW
    written: Mapping[ObjectRef, Written] = field(default_factory=dict)
    intended: Mapping[ObjectRef, Attempt] = field(default_factory=dict)
    """Objects whose creation was announced and has no outcome; a killed run may have created them."""
    sides: Sides = field(default_factory=Sides)
    """What runs on one side only, and on which."""
    green_percent: float = 0.0
    """Share of the traffic that the load balancer has confirmed last."""
    announced_percent: float | None = None
    """Share that was announced and has no outcome: the load balancer may have it or not."""
    going_back: bool = False
    """Whether an undo or a rollback has begun and not ended."""
    good_verdict: Moment | None = None
    on_green: Moment | None = None
    """Since when green has had all traffic."""
    green_ahead: float | None = None
    """Seconds that green's clock was ahead of this machine's when they were compared last."""
    stale_until: float = 0.0
    """When the last caches have forgotten what was there before `migrator prepare`; seconds since 1970."""
    copied_at: float | None = None
    clusters: Mapping[str, str] = field(default_factory=dict)
    """Role (`blue`, `green`) to the identity of the cluster that the migration belongs to."""

    data: data_state.Data = field(default_factory=dict)
    """What was done about the data of claims, by their names on blue."""

    def moment(self, at: float) -> Moment:
        """Return the moment of an entry that follows a comparison of the clocks."""
        return Moment(at, None if self.green_ahead is None else at + self.green_ahead)

    @property
    def most_percent(self) -> float:
        """The largest share of the traffic that green may have."""
        return max(self.green_percent, self.announced_percent or 0.0)

    @property
    def handed(self) -> Mapping[ObjectRef, Part]:
        """What a cutover has stopped on blue, or was about to, by its name there."""
        return self.sides.handed

    @property
    def turned(self) -> Mapping[ObjectRef, Part]:
        """What runs on green now, or may."""
        return self.handed if self.stage in (Stage.CUTTING_OVER, Stage.ON_GREEN) else {}

    @property
    def unknown(self) -> tuple[str, ...]:
        """What was announced and has no outcome, one sentence each."""
        found = []
        if self.announced_percent is not None:
            found.append(f"{self.announced_percent:g} % of the traffic on green was announced and not confirmed")
        if self.sides.turning:
            found.append(f"{len(self.handed)} objects were announced to change sides, and that was not confirmed")
        found += [f"the guard on {side} was announced and not confirmed" for side in sorted(self.sides.guarding)]
        pods = sorted({f"pod {pod} of {side}" for known in self.data.values() for side, pod in known.holders})
        found += [f"{text} was announced, and that it is gone was not confirmed" for text in pods]
        if self.going_back:
            found.append("going back has begun and has not ended")
        if self.intended:
            found.append(f"{len(self.intended)} objects were announced and have no outcome")
        return tuple(found)

    @property
    def next_command(self) -> str:
        """The command that goes on after an interruption; empty when nothing was interrupted."""
        if self.stage is Stage.RETIRED:
            return ""
        if self.going_back or (self.handed and self.stage is Stage.ROLLED_BACK):
            return "migrator rollback"
        if self.stage is Stage.CUTTING_OVER:
            return "migrator cutover"
        return "migrator copy" if self.intended else ""


class MigrationFold:
    """Computes the state of a migration; keeps objects in mutable tables of its own, since there can be many thousands."""

    def __init__(self) -> None:
        self._state = State()
        self._written: dict[ObjectRef, Written] = {}
        self._intended: dict[ObjectRef, Attempt] = {}
        # What the last copy has announced, and when; it has no outcome yet.
        self._open: dict[ObjectRef, float] = {}
        self._ahead = 0.0
        # The last sign of life of the last copy.
        self._last = 0.0
        self._objects_changed = False

    @property
    def state(self) -> State:
        """The state so far; later entries do not change it."""
        if self._objects_changed:
            written = MappingProxyType(dict(self._written))
            intended = MappingProxyType(self._intended | self._attempts())
            self._state = replace(self._state, written=written, intended=intended)
            self._objects_changed = False
        return self._state

    def take(self, entry: Entry[MigrationRecord]) -> None:
        """Add the next entry."""
        match entry.record:
            case records.ObjectOutcome():
                self._last = entry.at - self._ahead
                self._take_outcome(entry.record)
            case records.WaveAnnounced(create=refs):
                self._last = entry.at - self._ahead
                self._open |= dict.fromkeys(refs, self._last)
                self._objects_changed = True
            case records.CopyStarted(ahead=ahead):
                self._intended |= self._attempts()
                self._open, self._ahead = {}, ahead
            case _:
                self._state = _after(self._state, entry.record, entry.at)

    def _attempts(self) -> dict[ObjectRef, Attempt]:
        return {ref: Attempt(since, self._last) for ref, since in self._open.items()}

    def _take_outcome(self, record: records.ObjectOutcome) -> None:
        self._objects_changed = True
        if record.action is Action.FAILED and record.made and not record.uid:
            return  # nobody knows whether green created it: the intention stays
        self._intended.pop(record.ref, None)
        self._open.pop(record.ref, None)
        if record.action is Action.DELETED:
            self._written.pop(record.ref, None)
        elif record.uid:
            before = self._written.get(record.ref)
            # Once made, always made: a later outcome such as `changed` does not say who created the object.
            made = record.made or (before is not None and before.made and before.uid == record.uid)
            self._written[record.ref] = Written(
                record.uid, record.green_token, record.blue_token, made, record.action is not Action.FAILED
            )


def fold(entries: Iterable[Entry[MigrationRecord]]) -> State:
    """Return the state after these entries."""
    building = MigrationFold()
    for entry in entries:
        building.take(entry)
    return building.state


def _after(state: State, record: MigrationRecord, at: float) -> State:
    match record:
        case records.VerdictGiven():
            # A verdict on green while it serves is of interest, and does not bring the migration back to before its cutover.
            counts = record.good and state.stage in (Stage.NEW, Stage.COPIED, Stage.ROLLED_BACK)
            stage = Stage.VALIDATED if counts else state.stage
            return replace(state, good_verdict=state.moment(at) if record.good else None, stage=stage)
        case traffic.RollbackStarted():
            return replace(state, going_back=True)
        case traffic.RollbackEnded():
            return replace(_ended(state), stage=Stage.ROLLED_BACK, on_green=None, good_verdict=None)
        case decisive.Retired():
            return replace(state, stage=Stage.RETIRED)
        case Bound(clusters=clusters):
            return replace(state, clusters={**state.clusters, **clusters})
        case Header() | records.HookStarted() | records.AccountRemoval():
            return state
    if isinstance(record, records.CopyRecord):
        return _after_copy(state, record, at)
    if isinstance(record, data.DataRecord):
        return replace(state, data=data_state.after(state.data, record, at))
    if isinstance(record, traffic.CutoverRecord):
        return _after_cutover(state, record, at)
    return replace(state, sides=sides.after(state.sides, record))


def _after_copy(state: State, record: records.CopyRecord, at: float) -> State:
    match record:
        case records.CopyEnded():
            if state.good_verdict and _changed_nothing(record):
                return replace(state, copied_at=at)  # a cutover that was killed after its copy goes on with the verdict that it had
            begins = state.stage in (Stage.NEW, Stage.VALIDATED, Stage.ROLLED_BACK)
            return replace(state, copied_at=at, good_verdict=None, stage=Stage.COPIED if begins else state.stage)
        case records.CopyStarted() | records.WaveAnnounced() | records.ObjectOutcome() | records.PruneAnnounced():
            return state
        case _:
            assert_never(record)


def _changed_nothing(ended: records.CopyEnded) -> bool:
    return ended.complete and ended.counts.keys() <= {Action.UNCHANGED}


def _after_cutover(state: State, record: traffic.CutoverRecord, at: float) -> State:
    match record:
        case traffic.ClocksCompared(green=green):
            return replace(state, green_ahead=green - at)
        case traffic.CutoverStarted():
            return replace(state, stage=Stage.CUTTING_OVER, going_back=False)
        case traffic.ShiftAnnounced(percent=percent):
            # Journals of 0.1.0 do not say that CronJobs were turned over; the first shift came after it.
            turning = state.sides.turning and state.going_back
            return replace(state, announced_percent=percent, sides=replace(state.sides, turning=turning))
        case traffic.Shifted(percent=percent):
            return replace(state, green_percent=percent, announced_percent=None)
        case traffic.GateFailed():
            return replace(state, going_back=True)
        case traffic.CutoverEnded(good=True):
            return replace(_ended(state), stage=Stage.ON_GREEN, on_green=state.moment(at))
        case traffic.CutoverEnded():
            return replace(_ended(state), stage=Stage.ROLLED_BACK, on_green=None)
        case traffic.PrepareAnnounced(seconds=seconds):
            # The longest counts: a second `prepare` with a shorter TTL does not shorten what caches hold since the first.
            return replace(state, stale_until=max(state.stale_until, at + seconds))
        case traffic.Sampled() | traffic.GatePassed() | traffic.ConfigurationAnnounced():
            return state
        case _:
            assert_never(record)


def _ended(state: State) -> State:
    """Return the state after a run that has said itself what it left undone."""
    return replace(state, sides=replace(state.sides, turning=False), going_back=False)
