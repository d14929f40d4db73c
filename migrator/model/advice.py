"""What `migrator advise` answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Path(StrEnum):
    """The ways that there are."""

    PHOENIX = "phoenix"
    """A new cluster beside this one."""
    IN_PLACE = "in-place"
    NEITHER = "neither"


@dataclass(slots=True, frozen=True)
class Downtime:
    """How long a workload is away on one way."""

    workload: str
    seconds: float
    """Of each interruption, as its pod took to start here; 0: it is not away."""
    times: int
    reason: str


@dataclass(slots=True, frozen=True)
class Way:
    """One way, with its price."""

    path: Path
    obstacles: tuple[str, ...]
    """What must be seen to before it can be gone."""
    downtime: tuple[Downtime, ...]
    hardware: str
    hops: int
    cannot_be_undone: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class Advice:
    """A recommendation with its reasons."""

    path: Path
    reasons: tuple[str, ...]
    ways: tuple[Way, ...]
    hosts_read: bool
