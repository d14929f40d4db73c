"""What a rollback would lose of the data in volumes, by the journal alone: nothing, how much, or unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from migrator.migration.data.state import ClaimData, Data

Loss = Literal["nothing", "what green wrote", "unknown"]


@dataclass(slots=True, frozen=True)
class Losses:
    """What a rollback would lose of one claim."""

    claim: str
    rollback: Loss
    """While green answers."""
    without_green: Loss
    """When green is lost."""
    since: float | None
    """From when on what green wrote is not on blue, in seconds since 1970."""
    why: str


def losses(data: Data) -> Iterator[Losses]:
    """Yield what a rollback would lose of each claim that was copied."""
    for claim, known in sorted(data.items()):
        yield _of(claim, known)


def _of(claim: str, known: ClaimData) -> Losses:
    if known.handed:
        return Losses(claim, "nothing", "nothing", None, "the volume itself goes back, with all that was written")
    since = known.switched_at if known.back_at is None else known.back_at
    if known.half:
        why = "a pass to blue was cut off: `migrator rollback` goes on with it, or takes it back"
        return Losses(claim, "nothing" if known.green_writes else "unknown", "what green wrote", since, why)
    if known.green_writes:
        why = "`migrator rollback` brings back what green has written, before blue starts; without green it is lost"
        return Losses(claim, "nothing", "what green wrote", since, why)
    if known.proven:
        why = "it was proven on green by hand: what green writes since is lost to blue, unless `migrator data back` brings it"
        return Losses(claim, "unknown", "unknown", since, why)
    return Losses(claim, "nothing", "nothing", None, "blue has its own data, or what green had")
