"""The plan: every object of blue with its decision, in waves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from migrator.model.ref import ObjectRef, ResourceType


class Decision(StrEnum):
    """What happens to one object."""

    MOVE = "move"
    SKIP = "skip"
    BLOCKED = "blocked"


class FinishedJob(StrEnum):
    """How a finished Job ended."""

    COMPLETE = "Complete"
    FAILED = "Failed"


@dataclass(slots=True, frozen=True)
class PlanItem:
    """One object of blue and what is to be done with it."""

    blue: ObjectRef
    """The object as blue knows it."""
    green: ObjectRef
    """The same object as green will know it: another namespace where one is mapped."""
    decision: Decision
    reason: str = ""
    """Why it is skipped or blocked; empty for a move."""
    cure: str = ""
    """What a person can do about a block."""
    transforms: tuple[str, ...] = ()
    """Names of the rules that change it, in order."""
    notes: tuple[str, ...] = ()
    """What a person should know about the move."""
    resource: ResourceType | None = None
    """The type and version it is written at."""
    body: bytes = field(default=b"", repr=False)
    """The transformed manifest as JSON; owner UIDs are still blue's."""
    manager: str = ""
    """The name to write it under, so that its fields keep their owner."""
    managed_fields: bytes = field(default=b"", repr=False)
    """Blue's field ownership as JSON, where writing under one name cannot carry it over."""
    status: bytes = field(default=b"", repr=False)
    """The status to write, for the few kinds that carry one (finished Jobs)."""
    volatile: tuple[tuple[str, ...], ...] = ()
    """Paths whose value is a controller's business on each cluster."""
    unready: str = ""
    """Why it is not ready on blue either; empty when it is."""
    uid: str = ""
    """UID on blue."""
    token: str = ""
    """Changes when the object's content on blue changes."""


@dataclass(slots=True, frozen=True)
class Unreadable:
    """A kind that could not be listed."""

    type_name: str
    reason: str


@dataclass(slots=True, frozen=True)
class Plan:
    """What a copy will do, before it is done."""

    items: tuple[PlanItem, ...]
    waves: tuple[tuple[PlanItem, ...], ...]
    """Moves in the order they are written; each wave only needs what stands in earlier ones."""
    owners: dict[ObjectRef, tuple[ObjectRef, ...]]
    """Hard dependencies: without them the object must not be written."""
    kinds_skipped: dict[str, str]
    """Kinds that are left alone as a whole, with the reason."""
    unreadable: tuple[Unreadable, ...]
    warnings: tuple[str, ...]
    kinds_read: dict[str, ResourceType] = field(default_factory=dict)
    """Kinds of which all of blue's objects are known."""

    def of(self, decision: Decision) -> Iterator[PlanItem]:
        """Yield the items with this decision."""
        return (item for item in self.items if item.decision is decision)

    @property
    def counts(self) -> Counter[str]:
        """How many objects have each decision."""
        return Counter(item.decision.value for item in self.items)
