"""The state of a cluster's upgrades, folded from its journal."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from migrator.journal.records import upgrade as records
from migrator.journal.records.base import Bound, Entry, Header
from migrator.journal.records.upgrade import UpgradeRecord
from migrator.model.upgrade import NO_SOAK, Hop, Soak, StepTime, Workers
from migrator.model.version import Version


class Status(StrEnum):
    """How far an upgrade is."""

    NONE = "none"
    RUNNING = "under way"
    DONE = "done"
    ABORTED = "aborted"
    ROLLING_BACK = "rolling back"
    ROLLED_BACK = "rolled back"


@dataclass(slots=True, frozen=True)
class UpgradeState:
    """The state after all journal entries up to one moment; it describes the last upgrade."""

    status: Status = Status.NONE
    id: str = ""
    """Part of the name of everything that this upgrade saves on hosts, so that another upgrade never uses its snapshots."""
    target: Version | None = None
    workers: Workers = Workers.EACH_HOP
    hops: tuple[Hop, ...] = ()
    ended: frozenset[str] = frozenset()
    """Keys of hops that are done."""
    applied: frozenset[str] = frozenset()
    """Keys of hops that have begun to change the control plane, and so must not take their snapshot again."""
    soak: Soak = NO_SOAK
    """How long a new control plane emulates the old minor, as the person has said."""
    opened: Mapping[str, float] = field(default_factory=dict)
    """Keys of hops whose control planes all emulate the old minor, or did, to the time since when, in seconds since 1970."""
    finishing: frozenset[str] = frozenset()
    """Keys of hops whose control plane was raised, or began to be, or goes back to its snapshot."""
    cordoned: frozenset[str] = frozenset()
    """Nodes that this tool has cordoned; a cordon by a person is not undone."""
    machines: Mapping[str, str] = field(default_factory=dict)
    """Node to the machine-id that it had when the upgrade began."""
    rolling_back: str = ""
    last_step: str = ""
    times: tuple[StepTime, ...] = ()
    """Every step that ended."""

    @property
    def open(self) -> bool:
        """Whether an upgrade can be resumed."""
        return self.status is Status.RUNNING

    @property
    def hop(self) -> Hop | None:
        """The first hop that is not done."""
        return next((hop for hop in self.hops if hop.key not in self.ended), None)

    @property
    def last_applied(self) -> Hop | None:
        """The last hop that has changed the control plane, which is the one that a rollback reverses."""
        return next((hop for hop in reversed(self.hops) if hop.key in self.applied), None)

    def in_window(self, hop: Hop) -> bool:
        """Return whether a rollback of the hop loses nothing: its control plane emulates the old minor, as far as it is new."""
        return bool(hop.emulated) and hop.key in self.applied and hop.key not in self.finishing

    @property
    def window(self) -> Hop | None:
        """The hop whose rollback loses nothing now."""
        hop = self.last_applied
        return hop if hop and self.in_window(hop) and self.status in (Status.RUNNING, Status.ROLLING_BACK) else None

    def saved_as(self, hop: Hop) -> str:
        """Return the name under which hosts save what a rollback of the hop needs."""
        return f"{hop.key}-{self.id}"


class UpgradeFold:
    """Computes the state of a cluster's upgrades."""

    def __init__(self) -> None:
        self._state = UpgradeState()

    @property
    def state(self) -> UpgradeState:
        """The state so far; later entries do not change it."""
        return self._state

    def take(self, entry: Entry[UpgradeRecord]) -> None:
        """Add the next entry."""
        self._state = _after(self._state, entry.record, entry.at)


def fold_upgrade(entries: Iterable[Entry[UpgradeRecord]]) -> UpgradeState:
    """Return the state after these entries."""
    building = UpgradeFold()
    for entry in entries:
        building.take(entry)
    return building.state


def _after(state: UpgradeState, record: UpgradeRecord, at: float) -> UpgradeState:
    if isinstance(record, records.NodeRecord):
        return _after_node(state, record)
    if isinstance(record, records.WindowRecord):
        return _after_window(state, record, at)
    match record:
        case records.UpgradeStarted():
            return _started(state, record, at)
        case records.HopEnded(hop=hop):
            return replace(state, ended=state.ended | {hop})
        case records.UpgradeEnded():
            return replace(state, status=Status.DONE)
        case records.UpgradeAborted():
            return replace(state, status=Status.ABORTED)
        case records.HopRollbackStarted(hop=hop, from_snapshot=from_snapshot):
            finishing = state.finishing | {hop} if from_snapshot else state.finishing
            return replace(state, status=Status.ROLLING_BACK, rolling_back=hop, finishing=finishing)
        case records.HopRollbackEnded():
            return _rolled_back(state)
        case Header() | Bound():
            return state
        case _:
            assert_never(record)


def _after_node(state: UpgradeState, record: records.NodeRecord) -> UpgradeState:
    match record:
        case records.StepStarted(changes_control_plane=changes):
            applied = state.applied | {record.hop} if changes else state.applied
            return replace(state, last_step=f"{record.node}: {record.action}", applied=applied)
        case records.StepEnded():
            known = (StepTime(record.role, record.step, record.seconds),) if record.step else ()
            return replace(state, times=(*state.times, *known))
        case records.Cordoned(node=node):
            return replace(state, cordoned=state.cordoned | {node})
        case records.Uncordoned(node=node):
            return replace(state, cordoned=state.cordoned - {node})
        case _:
            assert_never(record)


def _after_window(state: UpgradeState, record: records.WindowRecord, at: float) -> UpgradeState:
    match record:
        case records.WindowOpened(hop=hop):
            return replace(state, opened={**state.opened, hop: at})
        case records.FinishStarted(hop=hop):
            return replace(state, finishing=state.finishing | {hop})
        case _:
            assert_never(record)


def _rolled_back(state: UpgradeState) -> UpgradeState:
    gone = {state.rolling_back}
    opened = {hop: at for hop, at in state.opened.items() if hop not in gone}
    return replace(
        state,
        status=Status.ROLLED_BACK,
        applied=state.applied - gone,
        opened=opened,
        finishing=state.finishing - gone,
        rolling_back="",
    )


def _started(state: UpgradeState, record: records.UpgradeStarted, at: float) -> UpgradeState:
    """Return the state of a new upgrade; keeps the cordons and step times of earlier ones."""
    return replace(
        state,
        status=Status.RUNNING,
        id=time.strftime("%Y%m%d-%H%M%S", time.gmtime(at)),
        target=record.target,
        workers=record.workers,
        hops=tuple(item.hop for item in record.hops),
        ended=frozenset(),
        applied=frozenset(),
        soak=Soak(record.soak, record.hold),
        opened={},
        finishing=frozenset(),
        machines=record.machines,
        rolling_back="",
    )
