"""What the records of all journals have in common, and the two records at the start of every journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import ConfigDict, GetPydanticSchema
from pydantic_core import core_schema

from migrator.model.ref import ObjectRef, parse_ref


class Strict:
    """A value whose JSON has exactly its keys, with exactly their types."""

    __slots__ = ()
    # Strict: a number that was written as text is a mistake of the writer, and its guess would be folded into the state.
    # Deferred: each schema is built at its first use, and `--help` needs none.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid", defer_build=True)


class Record(Strict):
    """One line of a journal, without its time. The line omits a field that has its default."""

    __slots__ = ()
    WORD: ClassVar[str]
    """The name of the record on disk."""


R_co = TypeVar("R_co", covariant=True)


@dataclass(slots=True, frozen=True)
class Entry(Generic[R_co]):
    """A record and when it was written."""

    at: float
    """Seconds since 1970."""
    record: R_co


@dataclass(slots=True, frozen=True)
class Header(Record):
    """The first line of a journal: which version created it, and for which migration."""

    WORD = "journal"
    format: int
    tool: str
    """Version of the migrator that created the journal."""
    migration: str
    """Name of the migration, or `upgrade of CLUSTER`."""


@dataclass(slots=True, frozen=True)
class Bound(Record):
    """The journal belongs to these clusters."""

    WORD = "bound"
    clusters: dict[str, str]
    """Role (`blue`, `green`, `cluster`) to the cluster's identity."""


def written_as_text(parse: Callable[[str], object]) -> GetPydanticSchema:
    """Return the annotation of a type that is written as `str(value)`, and read by `parse`, which raises ValueError."""
    schema = core_schema.no_info_after_validator_function(
        parse, core_schema.str_schema(strict=True), serialization=core_schema.to_string_ser_schema()
    )
    return GetPydanticSchema(lambda _type, _handler: schema)


Ref = Annotated[ObjectRef, written_as_text(parse_ref)]
"""An object, written as `Kind.group/namespace/name`."""
