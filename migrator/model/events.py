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
class Note:
    """Information or a warning for the person."""

    text: str
    warning: bool = False


Event = Step | Progress | Note
