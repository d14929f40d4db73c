"""Where an upgrade in place stands, folded from its journal."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from migrator.model.upgrade import Hop, Workers, hop_from
from migrator.model.version import Version, parse_version


class Status(StrEnum):
    """How far an upgrade is."""

    NONE = "none"
    RUNNING = "under way"
    DONE = "done"
    ABORTED = "aborted"
    ROLLING_BACK = "rolling back"
    ROLLED_BACK = "rolled back"


@dataclass(slots=True)
class UpgradeState:
    """The fold of all journal lines."""

    status: Status = Status.NONE
    id: str = ""
    """Names this upgrade in what is kept on hosts, so that another one never takes an old snapshot for its own."""
    target: Version | None = None
    workers: Workers = Workers.EACH_HOP
    hops: tuple[Hop, ...] = ()
    ended: set[str] = field(default_factory=set)
    """Keys of hops that are done."""
    applied: set[str] = field(default_factory=set)
    """Keys of hops that have begun to change the control plane: from then on their snapshot is what was before."""
    cordoned: set[str] = field(default_factory=set)
    """Nodes that this tool has cordoned; a person's own cordon is not undone."""
    rolling_back: str = ""
    last_step: str = ""
    seconds: list[tuple[str, str, float]] = field(default_factory=list)
    """Role, action and seconds of every step that ended."""

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

    def apply(self, line: dict[str, Any]) -> None:
        """Take one line of the journal into account."""
        handler = _HANDLERS.get(line["event"])
        if handler:
            handler(self, line)


def fold_upgrade(lines: Iterable[dict[str, Any]]) -> UpgradeState:
    """Return the state after these journal lines."""
    state = UpgradeState()
    for line in lines:
        state.apply(line)
    return state


def _started(state: UpgradeState, line: dict[str, Any]) -> None:
    state.status = Status.RUNNING
    state.id = time.strftime("%Y%m%d-%H%M%S", time.gmtime(line["at"]))
    state.target = parse_version(line["to"])
    state.workers = Workers(line["workers"])
    state.hops = tuple(hop_from(item) for item in line["hops"])
    state.ended, state.applied, state.rolling_back = set(), set(), ""


def _step(state: UpgradeState, line: dict[str, Any]) -> None:
    state.last_step = f"{line['node']}: {line['action']}"
    if line.get("changes_control_plane"):
        state.applied.add(line["hop"])


def _step_done(state: UpgradeState, line: dict[str, Any]) -> None:
    state.seconds.append((line["role"], line["action"], line["seconds"]))


def _hop_ended(state: UpgradeState, line: dict[str, Any]) -> None:
    state.ended.add(line["hop"])


def _cordoned(state: UpgradeState, line: dict[str, Any]) -> None:
    state.cordoned.add(line["node"])


def _uncordoned(state: UpgradeState, line: dict[str, Any]) -> None:
    state.cordoned.discard(line["node"])


def _ended(state: UpgradeState, _: dict[str, Any]) -> None:
    state.status = Status.DONE


def _aborted(state: UpgradeState, _: dict[str, Any]) -> None:
    state.status = Status.ABORTED


def _rollback_started(state: UpgradeState, line: dict[str, Any]) -> None:
    state.status = Status.ROLLING_BACK
    state.rolling_back = line["hop"]


def _rollback_ended(state: UpgradeState, _: dict[str, Any]) -> None:
    state.status = Status.ROLLED_BACK
    state.applied.discard(state.rolling_back)
    state.rolling_back = ""


_HANDLERS = {
    "upgrade-started": _started,
    "step": _step,
    "step-done": _step_done,
    "hop-ended": _hop_ended,
    "cordoned": _cordoned,
    "uncordoned": _uncordoned,
    "upgrade-ended": _ended,
    "upgrade-aborted": _aborted,
    "rollback-started": _rollback_started,
    "rollback-ended": _rollback_ended,
}
