"""How far a migration is: by its journal, and by what the load balancer and both clusters say at this moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from migrator.errors import MigratorError
from migrator.journal.records.base import Entry
from migrator.journal.records.migration import MigrationRecord
from migrator.migration.data.loss import Losses, losses
from migrator.migration.fence import WayBack
from migrator.migration.one_side.now import Now, ask
from migrator.migration.state import Stage, State, fold
from migrator.model.one_side import Part
from migrator.model.ref import ObjectRef
from migrator.ports import Clock, TrafficSwitch

# Before a copy there may be no load balancer yet. Later it may know more than the journal, which may be an older copy.
_WITHOUT_TRAFFIC = frozenset({Stage.NEW, Stage.RETIRED})


@dataclass(slots=True, frozen=True)
class Standing:
    """What is known of a migration at one moment."""

    at: float
    """The moment, in seconds since 1970."""
    state: State
    last_event: float | None
    """When the journal's last entry was written, in seconds since 1970."""
    percent_now: float | None
    """Share of green by the load balancer; None when it was not asked, or does not tell."""
    silence: str
    """Why the load balancer does not tell."""
    parts: Mapping[ObjectRef, Part]
    """What may run on one side only, by its name on blue."""
    now: Now | None
    """Who runs where by both clusters; None when they were not asked."""
    losses: tuple[Losses, ...]
    """What a rollback would lose of each claim."""


def stand(
    entries: Iterable[Entry[MigrationRecord]],
    switch: Callable[[], TrafficSwitch | None],
    sides: Callable[[State], WayBack],
    clock: Clock,
) -> Standing:
    """Return where a migration stands. Who does not answer is named in it; clusters are asked only for what may run on one side."""
    found = list(entries)
    state = fold(found)
    percent, silence = _traffic(switch) if state.stage not in _WITHOUT_TRAFFIC or state.unknown else (None, "")
    parts = {part.blue: part for part in (*state.sides.held, *state.handed.values())}
    now = ask(parts.values(), sides(state), clock) if parts and state.stage is not Stage.RETIRED else None
    last = found[-1].at if found else None
    return Standing(clock.now(), state, last, percent, silence, dict(sorted(parts.items())), now, tuple(losses(state.data)))


def _traffic(switch: Callable[[], TrafficSwitch | None]) -> tuple[float | None, str]:
    """Return the share of green that the load balancer has now, or why that is not known."""
    asked = switch()
    if asked is None:
        return None, ""
    try:
        return asked.read().green_percent, ""
    except MigratorError as error:
        return None, error.message
