"""The append-only record of a migration: JSON lines, one writer at a time, the only state that a run leaves behind.

It holds names, UIDs and digests, never the content of objects. Each line is handed to the kernel before the change
that it announces, so that it survives a killed process; `sync` makes it survive a power cut.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from migrator.errors import JournalError

FORMAT = 1


_HELD_LINES = 64


def _line(event: str, fields: dict[str, Any]) -> bytes:
    return orjson.dumps({"at": round(time.time(), 3), "event": event, **fields}) + b"\n"


class FileJournal:
    """A journal in a file; locks it against a second run and closes itself at the end of a `with` block."""

    def __init__(self, path: Path, *, tool: str, migration: str) -> None:
        self.path = path
        self._writing = threading.Lock()
        self._held: list[bytes] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise JournalError(f"{path}: cannot be opened: {error.strerror}", hint="--state-dir names another folder") from error
        self._lock()
        try:
            self._cut_half_line()
            self._check_header(tool, migration)
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            with self._writing:
                self._write()
        finally:
            os.close(self._file)

    def append(self, event: str, **fields: Any) -> None:
        """Write one line; raises JournalError when the disk does not take it, so that the change is not made."""
        with self._writing:
            self._held.append(_line(event, fields))
            self._write()

    def note(self, event: str, **fields: Any) -> None:
        """Write one line of what has been done, together with others of its kind: ten thousand writes cost half a second.

        A run that is killed before they are written was announced before, and finds out again. Raises JournalError.
        """
        with self._writing:
            self._held.append(_line(event, fields))
            if len(self._held) >= _HELD_LINES:
                self._write()

    def _write(self) -> None:
        data, self._held = b"".join(self._held), []
        try:
            written = os.write(self._file, data)
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be written: {error.strerror}", hint=_ROOM) from error
        if written != len(data):
            raise JournalError(f"{self.path}: cannot be written: disk full", hint=_ROOM)

    def sync(self) -> None:
        """Force what was written to disk."""
        with self._writing:
            self._write()
        try:
            os.fsync(self._file)
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be written: {error.strerror}", hint=_ROOM) from error

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield all lines so far, oldest first; raises JournalError at a damaged one."""
        with self._writing:
            self._write()
        return _lines(self.path)

    def bind(self, **identities: str) -> None:
        """Tie the journal to its clusters, once; raises JournalError when they are others than before.

        A cluster that cannot be asked is left out.
        """
        bound: dict[str, str] = {}
        for line in self.events():
            if line.get("event") == "bound":
                bound |= line["clusters"]
        for side, identity in identities.items():
            if bound.get(side, identity) != identity:
                raise JournalError(
                    f"{self.path}: belongs to a migration with another {side} cluster",
                    hint="use another --state-dir, or correct the context in the file",
                )
        fresh = {side: identity for side, identity in identities.items() if side not in bound}
        if fresh:
            self.append("bound", clusters=fresh)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise JournalError(f"{self.path}: another run of migrator is using it", hint="wait for it to end") from error

    def _cut_half_line(self) -> None:
        """Drop the half line that a killed run may leave behind: the change that it announced was not made."""
        raw = self.path.read_bytes()
        rest = len(raw) - raw.rfind(b"\n") - 1
        if rest:
            os.ftruncate(self._file, len(raw) - rest)

    def _check_header(self, tool: str, migration: str) -> None:
        header = next(self.events(), None)
        if header is None:
            self.append("journal", format=FORMAT, tool=tool, migration=migration)
            return
        if header.get("event") != "journal":
            raise JournalError(f"{self.path}: is not a journal of migrator", hint="use another --state-dir")
        if header["format"] > FORMAT:
            raise JournalError(
                f"{self.path}: was written by migrator {header['tool']}, newer than this {tool}",
                hint="use that version",
            )
        if header["migration"] != migration:
            raise JournalError(
                f"{self.path}: belongs to migration {header['migration']}, not {migration}",
                hint="use another --state-dir",
            )


_ROOM = "make room on that disk, then run again: the journal knows where to go on"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    try:
                        yield dict(orjson.loads(line))
                    except (orjson.JSONDecodeError, TypeError, ValueError) as error:
                        hint = "restore the file, or start over with another --state-dir"
                        raise JournalError(f"{path}:{number}: damaged line", hint=hint) from error
    except FileNotFoundError:
        raise JournalError(f"{path}: no journal yet", hint="`migrator copy` begins one") from None
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from error


def read_events(path: Path) -> list[dict[str, Any]]:
    """Return a journal's lines without locking it, for `status` and `report`; raises JournalError."""
    return list(_lines(path))
