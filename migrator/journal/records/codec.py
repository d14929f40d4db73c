"""Between a record and its line of JSON: strict, so that what is not understood is an error and never silence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_args

import orjson
from pydantic import TypeAdapter, ValidationError

from migrator.journal.records.base import Entry, Record
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.upgrade import UpgradeRecord

R = TypeVar("R", bound=Record)


class LineError(ValueError):
    """A line that is no record; the message says why."""


@dataclass(slots=True, frozen=True)
class _Form(Generic[R]):
    """How one class of records is written."""

    adapter: TypeAdapter[R]
    defaults: dict[str, object]
    """Fields that a line may lack."""


class Codec(Generic[R]):
    """Reads and writes the records of one kind of journal."""

    def __init__(self, classes: Iterable[type[R]]) -> None:
        self._forms = {record.WORD: _Form(TypeAdapter(record), _defaults(record)) for record in classes}

    def encode(self, entry: Entry[R]) -> bytes:
        """Return the line of an entry, with its end."""
        record = entry.record
        form = self._forms[record.WORD]
        fields: dict[str, Any] = form.adapter.dump_python(record, mode="json", by_alias=True)
        for name, default in form.defaults.items():
            if getattr(record, name) == default:
                del fields[name]
        return orjson.dumps({"at": entry.at, "event": record.WORD, **fields}) + b"\n"

    def decode(self, line: bytes) -> Entry[R]:
        """Return the entry in a line; raises LineError."""
        fields = parse_line(line)
        word, at = fields.pop("event"), fields.pop("at")
        form = self._forms.get(word)
        if form is None:
            raise LineError(f"unknown record `{word}`")
        try:
            # As JSON again: only there does pydantic tell a wrong type from one that JSON does not have.
            return Entry(at, form.adapter.validate_json(orjson.dumps(fields)))
        except ValidationError as error:
            raise LineError(f"malformed record `{word}`: {_first(error)}") from error


def parse_line(line: bytes) -> dict[str, Any]:
    """Return a line's JSON object, which has at least the time and the word; raises LineError."""
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise LineError("damaged line") from error
    if not isinstance(fields, dict) or not isinstance(fields.get("event"), str):
        raise LineError("damaged line: it has no `event`")
    if isinstance(fields.get("at"), bool) or not isinstance(fields.get("at"), int | float):
        raise LineError(f"malformed record `{fields['event']}`: at: is not a time")
    return fields


def _defaults(record: type[Record]) -> dict[str, object]:
    fields = dataclasses.fields(record)  # type: ignore[arg-type]
    return {field.name: field.default for field in fields if field.default is not dataclasses.MISSING}


def _first(error: ValidationError) -> str:
    """Return where the first mistake is, and what it is."""
    issue = error.errors(include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, issue['loc']))}: {issue['msg']}"


MIGRATION: Codec[MigrationRecord] = Codec(get_args(MigrationRecord))
UPGRADE: Codec[UpgradeRecord] = Codec(get_args(UpgradeRecord))
