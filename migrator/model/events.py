"""What the phases tell a person while they work; `cli/render.py` turns it into text."""

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
    """Something a person should know now."""

    text: str
    warning: bool = False


Event = Step | Progress | Note
