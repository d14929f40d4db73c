"""Events that the phases report while they work; `cli/render.py` prints them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Step:
    """A new step has begun."""

    text: str


@dataclass(slots=True, frozen=True)
class Progress:
    """`done` of `total` in the current step; `total` 0 means unknown."""

    text: str
    done: int
    total: int


@dataclass(slots=True, frozen=True)
class SideSeen:
    """One side of the traffic in a step of a cutover."""

    name: str
    share: float
    """Percent of the traffic."""
    sessions: int
    requests: int
    """Since the step began."""
    per_second: float
    errors: float
    """Share of the requests, 0 to 1."""
    latency_ms: float


@dataclass(slots=True, frozen=True)
class Watched(Progress):
    """A step of a cutover, while it is watched; `done` and `total` are seconds, and the text says all of it in one line."""

    percent: float
    sides: tuple[SideSeen, ...]
    """Empty where nobody counts."""
    waits_for: str


@dataclass(slots=True, frozen=True)
class Note:
    """Information or a warning for the person."""

    text: str
    warning: bool = False


Event = Step | Progress | Note
