"""What came of each object, in a closed set of words used in code, journal and report alike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from migrator.model.difference import FieldDifference
from migrator.model.ref import ObjectRef


class Action(StrEnum):
    """The one word for what happened to an object on green."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    CONFLICT = "conflict"
    BLOCKED = "blocked"
    FAILED = "failed"


BAD = frozenset({Action.CONFLICT, Action.BLOCKED, Action.FAILED})


@dataclass(slots=True, frozen=True)
class Outcome:
    """The result for one object of green; a failure is a value, not an exception."""

    ref: ObjectRef
    action: Action
    message: str = ""
    differences: tuple[FieldDifference, ...] = ()
    uid: str = ""
    """UID on green, where the object is there."""
    green_token: str = ""
    """Changes when somebody else changes the object on green."""
    blue_token: str = ""
    """The content of blue that was written."""
    made: bool = False
    """True when this tool created the object on green (now or earlier)."""
