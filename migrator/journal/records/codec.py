"""Convert records to lines of JSON and back; a line that is not a valid record is an error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from migrator.journal.records.base import Entry, Record

R = TypeVar("R", bound=Record)
_BEGIN = b'{"at":'
# Seconds since 1970 that no clock shows before the year 5000.
_LATEST = 1e11


class LineError(ValueError):
    """A line that is not a valid record; the message says why."""


class TornLineError(LineError):
    """A line that is not a whole JSON object: a part of it is lost, or was never written."""

    def __init__(self, message: str, line: bytes) -> None:
        super().__init__(message)
        self.rest = _whole_rest(line)
        """The whole JSON object that follows half of another one; empty when there is none."""


class Codec(Generic[R]):
    """Reads and writes the records of one kind of journal."""

    def __init__(self, classes: Iterable[type[R]], *, read_around_by: str = "") -> None:
        self.read_around_by = read_around_by
        """The command that needs no torn line of such a journal."""
        self._adapters = {record.WORD: TypeAdapter(record) for record in classes}

    def encode(self, entry: Entry[R]) -> bytes:
        """Return the line of an entry, with the line break."""
        record = entry.record
        # Not pydantic's own writer of JSON: it turns ^C, which comes while it compares with a default, into an error of its own.
        python = self._adapters[record.WORD].serializer.to_python(record, mode="json", by_alias=True, exclude_defaults=True)
        fields = orjson.dumps(python)
        # The time comes first in each line: `_BEGIN` finds a whole record behind half of another one.
        start = orjson.dumps({"at": entry.at, "event": record.WORD})
        return start + b"\n" if fields == b"{}" else start[:-1] + b"," + fields[1:] + b"\n"

    def fields(self, record: R) -> dict[str, Any]:
        """Return all fields of a record as in JSON, including those that have their defaults."""
        return dict(self._adapters[record.WORD].dump_python(record, mode="json", by_alias=True))

    def decode(self, line: bytes) -> Entry[R]:
        """Return the entry in a line; raises LineError."""
        fields = parse_line(line)
        word, at = fields.pop("event"), fields.pop("at")
        adapter = self._adapters.get(word)
        if adapter is None:
            raise LineError(f"unknown record `{word}`")
        try:
            # As JSON: for Python values pydantic's strict mode would refuse lists and plain strings, too.
            return Entry(at, adapter.validate_json(orjson.dumps(fields)))
        except ValidationError as error:
            raise LineError(f"malformed record `{word}`: {_first(error)}") from error


def parse_line(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line, which has at least a time and a word; raises LineError."""
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise TornLineError("damaged line", line) from error
    if not isinstance(fields, dict) or not isinstance(fields.get("event"), str):
        raise LineError("damaged line: it has no `event`")
    at = fields.get("at")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at <= _LATEST:
        raise LineError(f"malformed record `{fields['event']}`: at: is not a time")
    return fields


def _whole_rest(line: bytes) -> bytes:
    rest = line[max(line.rfind(_BEGIN), 0) :]
    try:
        orjson.loads(rest)
    except orjson.JSONDecodeError:
        return b""
    return rest


def _first(error: ValidationError) -> str:
    """Return the path of the first mistake, and the mistake."""
    issue = error.errors(include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, issue['loc']))}: {issue['msg']}"
