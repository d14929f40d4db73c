"""Where an upgrade in place stands, folded from its journal."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from migrator.journal.records import upgrade as records
from migrator.journal.records.base import Bound, Entry, Header
from migrator.journal.records.upgrade import UpgradeRecord
from migrator.model.upgrade import Hop, StepTime, Workers
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
    """The fold of all journal entries up to one moment."""

    status: Status = Status.NONE
    id: str = ""
    """Names this upgrade in what is kept on hosts, so that another one never takes an old snapshot for its own."""
    target: Version | None = None
    workers: Workers = Workers.EACH_HOP
    hops: tuple[Hop, ...] = ()
    ended: frozenset[str] = frozenset()
    """Keys of hops that are done."""
    applied: frozenset[str] = frozenset()
    """Keys of hops that have begun to change the control plane: from then on their snapshot is what was before."""
    cordoned: frozenset[str] = frozenset()
    """Nodes that this tool has cordoned; a person's own cordon is not undone."""
    rolling_back: str = ""
    last_step: str = ""
    times: tuple[StepTime, ...] = ()
    """Every step that ended."""

    @property
    def open(self) -> bool:
        """Whether there is something to go on with."""
        return self.status is Status.RUNNING

    @property
    def hop(self) -> Hop | None:
        """The first hop that is not done."""
        return next((hop for hop in self.hops if hop.key not in self.ended), None)

    @property
    def last_applied(self) -> Hop | None:
        """The last hop that has changed the control plane: the one that a rollback takes back."""
        return next((hop for hop in reversed(self.hops) if hop.key in self.applied), None)

    def saved_as(self, hop: Hop) -> str:
        """Return the name of what is saved on hosts before a hop."""
        return f"{hop.key}-{self.id}"


class UpgradeFold:
    """Builds the state of a cluster's upgrades."""

    def __init__(self) -> None:
        self._state = UpgradeState()

    @property
    def state(self) -> UpgradeState:
        """The state so far; entries that are taken later do not change it."""
        return self._state

    def take(self, entry: Entry[UpgradeRecord]) -> None:
        """Take the next entry into account."""
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
    match record:
        case records.UpgradeStarted():
            return _started(state, record, at)
        case records.HopEnded(hop=hop):
            return replace(state, ended=state.ended | {hop})
        case records.UpgradeEnded():
            return replace(state, status=Status.DONE)
        case records.UpgradeAborted():
            return replace(state, status=Status.ABORTED)
        case records.HopRollbackStarted(hop=hop):
            return replace(state, status=Status.ROLLING_BACK, rolling_back=hop)
        case records.HopRollbackEnded():
            return replace(state, status=Status.ROLLED_BACK, applied=state.applied - {state.rolling_back}, rolling_back="")
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


def _started(state: UpgradeState, record: records.UpgradeStarted, at: float) -> UpgradeState:
    """Return the state of a new upgrade; cordons and times of earlier ones stay."""
    return replace(
        state,
        status=Status.RUNNING,
        id=time.strftime("%Y%m%d-%H%M%S", time.gmtime(at)),
        target=record.target,
        workers=record.workers,
        hops=tuple(item.hop for item in record.hops),
        ended=frozenset(),
        applied=frozenset(),
        rolling_back="",
    )
