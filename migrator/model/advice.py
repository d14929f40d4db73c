"""What `migrator advise` answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Choice(StrEnum):
    """What `advise` can recommend."""

    MIGRATION = "phoenix"
    """A new cluster beside this one; the value is that of the JSON output of 0.1.0."""
    IN_PLACE = "in-place"
    NEITHER = "neither"


@dataclass(slots=True, frozen=True)
class Downtime:
    """How long a workload is not available with one choice."""

    workload: str
    seconds: float | None
    """Of each interruption; 0: it stays available; None: nothing has measured it on this cluster."""
    times: int
    reason: str
    """Why, and where the number of seconds comes from."""


@dataclass(slots=True, frozen=True)
class Alternative:
    """One choice with its cost; the names of the fields are keys of the JSON output."""

    path: Choice
    obstacles: tuple[str, ...]
    """What must be changed before it is possible."""
    downtime: tuple[Downtime, ...]
    hardware: str
    hops: int
    cannot_be_undone: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class Advice:
    """A recommendation with its reasons; the names of the fields are keys of the JSON output."""

    path: Choice
    reasons: tuple[str, ...]
    ways: tuple[Alternative, ...]
    hosts_read: bool
