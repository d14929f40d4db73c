"""The records of what runs on one side only: what is held, and how it is handed over and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from migrator.journal.records.base import Record, Ref, Strict
from migrator.model.one_side import HeldField, Part, Where
from migrator.model.ref import ResourceType

# A value of a field that holds; never one of a Secret.
_Plain = Annotated[bool | int | str | None, Field(union_mode="left_to_right")]


@dataclass(slots=True, frozen=True)
class FieldRecord(Strict):
    """A field that holds an object, and what it has on each side while the object runs there."""

    path: tuple[str, ...]
    held: _Plain
    blue: _Plain = None
    green: _Plain = None


@dataclass(slots=True, frozen=True)
class PartRecord(Strict):
    """One object that is handed over."""

    blue: Ref
    green: Ref
    row: str
    version: str
    plural: str
    fields: tuple[FieldRecord, ...]
    first: bool = False
    ready: bool = True
    addresses: bool = False
    claims: tuple[str, ...] = ()

    @classmethod
    def of(cls, part: Part) -> PartRecord:
        """Return the record of a part."""
        fields = tuple(FieldRecord(field.path, field.held, field.blue, field.green) for field in part.fields)
        resource = part.resource
        return cls(
            part.blue,
            part.green,
            part.row,
            resource.version,
            resource.plural,
            fields,
            part.first,
            part.ready,
            part.addresses,
            part.claims,
        )

    @property
    def part(self) -> Part:
        """The part."""
        resource = ResourceType(self.blue.group, self.version, self.plural, self.blue.kind, bool(self.blue.namespace), frozenset())
        fields = tuple(HeldField(field.path, field.held, field.blue, field.green) for field in self.fields)
        return Part(self.blue, self.green, self.row, resource, fields, self.first, self.ready, self.addresses, self.claims)


@dataclass(slots=True, frozen=True)
class Held(Record):
    """All that runs on blue only, and is held on green, as of a copy."""

    WORD = "held"
    parts: tuple[PartRecord, ...]


@dataclass(slots=True, frozen=True)
class HandOverAnnounced(Record):
    """These objects are about to be stopped on blue and started on green."""

    WORD = "hand-over"
    parts: tuple[PartRecord, ...]


Step = Literal["stop", "stopped", "start", "works"]


@dataclass(slots=True, frozen=True)
class HandOverStep(Record):
    """A group is about to be stopped on blue, has stopped there, is about to be started on green, or works there."""

    WORD = "hand-over-step"
    row: str
    step: Step


@dataclass(slots=True, frozen=True)
class Paused(Record):
    """How long a group with data stood still: from before it was told to stop on one side until it worked on the other."""

    WORD = "paused"
    row: str
    milliseconds: int
    stop: int
    """Milliseconds of it until it had stopped."""
    data: int
    """Milliseconds of it for the last pass."""
    start: int
    """Milliseconds of it until it worked."""


@dataclass(slots=True, frozen=True)
class HandedOver(Record):
    """All that was announced runs on green."""

    WORD = "handed-over"
    objects: tuple[Ref, ...]
    """Their names on blue."""


@dataclass(slots=True, frozen=True)
class HandBackAnnounced(Record):
    """These objects were told to stop on green and to start on blue; `handed-back` says that all of them did."""

    WORD = "hand-back"
    objects: tuple[Ref, ...]
    """Their names on blue."""


@dataclass(slots=True, frozen=True)
class HandedBack(Record):
    """All that was handed over runs on blue again."""

    WORD = "handed-back"


@dataclass(slots=True, frozen=True)
class GuardAnnounced(Record):
    """On this side policies are about to be made or removed, until those of these groups stand, and no others."""

    WORD = "guard"
    side: Where
    rows: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class Guarded(Record):
    """On this side policies guard these groups, and no others."""

    WORD = "guarded"
    side: Where
    rows: tuple[str, ...]


GuardRecord = GuardAnnounced | Guarded
HandOverRecord = Held | HandOverAnnounced | HandOverStep | Paused | HandedOver | HandBackAnnounced | HandedBack
