"""A journal as a file of JSON lines with one writer at a time; it is the only state that a run leaves behind.

It holds names, UIDs and digests, never the content of objects. Each line is handed to the kernel before the change
that it announces, so that it survives a killed process; `sync` makes it survive a power failure.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

from migrator.errors import JournalError
from migrator.journal.records.base import Bound, Entry, Header, Record
from migrator.journal.records.codec import Codec, LineError, parse_line
from migrator.ports import Clock

FORMAT = 1

_HELD_LINES = 64
_ROOM = "free space on that disk, then run again: the run continues where the journal ends"
_RESTORE = "restore the file, use the version of migrator that wrote it, or start over with another --state-dir"

R = TypeVar("R", bound=Record)


class FileJournal(Generic[R]):
    """Implements the `Journal` port; locks the file against a second run until the end of the `with` block."""

    def __init__(self, path: Path, codec: Codec[R], *, tool: str, migration: str, clock: Clock) -> None:
        self.path = path
        self._codec = codec
        self._clock = clock
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

    def append(self, record: R) -> Entry[R]:
        """Write one line; raises JournalError when the disk refuses it, so that the change is not made."""
        return self._put(record, at_once=True)

    def note(self, record: R) -> Entry[R]:
        """Add one line to a batch that is written as a whole, since ten thousand single writes take half a second.

        A killed run can lose the batch; the next run then checks again what was announced before. Raises JournalError.
        """
        return self._put(record, at_once=False)

    def _put(self, record: R, *, at_once: bool) -> Entry[R]:
        with self._writing:
            entry = Entry(round(self._clock.now(), 3), record)
            self._held.append(self._codec.encode(entry))
            if at_once or len(self._held) >= _HELD_LINES:
                self._write()
        return entry

    def _write(self) -> None:
        data, self._held = b"".join(self._held), []
        try:
            written = os.write(self._file, data)
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be written: {error.strerror}", hint=_ROOM) from error
        if written != len(data):
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)  # half a line would spoil the next one
            raise JournalError(f"{self.path}: cannot be written: disk full", hint=_ROOM)

    def sync(self) -> None:
        """Force what was written to disk."""
        with self._writing:
            self._write()
        try:
            os.fsync(self._file)
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be written: {error.strerror}", hint=_ROOM) from error

    def entries(self) -> Iterator[Entry[R]]:
        """Yield all entries so far, oldest first; raises JournalError for a line that is not a record."""
        with self._writing:
            self._write()
        return iter_entries(self.path, self._codec)

    def bind(self, **identities: str) -> None:
        """Record the identities of the clusters; raises JournalError when an earlier run recorded others.

        Callers leave out a cluster that does not answer.
        """
        bound: dict[str, str] = {}
        for entry in iter_entries(self.path, self._codec, mentions=Bound.WORD):
            if isinstance(entry.record, Bound):
                bound |= entry.record.clusters
        for side, identity in identities.items():
            if bound.get(side, identity) != identity:
                whose = side if side == "cluster" else f"{side} cluster"
                raise JournalError(
                    f"{self.path}: belongs to another {whose}",
                    hint="use another --state-dir, or correct the context in the file",
                )
        fresh = {side: identity for side, identity in identities.items() if side not in bound}
        if fresh:
            self.append(cast("R", Bound(fresh)))

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise JournalError(f"{self.path}: another run of migrator is using it", hint="wait for it to end") from error

    def _cut_half_line(self) -> None:
        """Remove the incomplete last line of a killed run; the change that it announces was not made."""
        raw = self.path.read_bytes()
        rest = len(raw) - raw.rfind(b"\n") - 1
        if rest:
            os.ftruncate(self._file, len(raw) - rest)

    def _check_header(self, tool: str, migration: str) -> None:
        first = next(self.entries(), None)
        if first is None:
            self.append(cast("R", Header(FORMAT, tool, migration)))
        elif isinstance(first.record, Header) and first.record.migration != migration:
            raise JournalError(
                f"{self.path}: belongs to migration {first.record.migration}, not {migration}",
                hint="use another --state-dir",
            )


def iter_entries(path: Path, codec: Codec[R], *, mentions: str = "") -> Iterator[Entry[R]]:
    """Yield a journal's entries without locking the file; raises JournalError with the number of the line.

    With `mentions` only lines that contain this text are decoded: a few of many thousands.
    """
    text = mentions.encode()
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return  # of a run that was killed while it wrote: the change that it announces was not made
                try:
                    if number == 1:
                        _require_readable(path, line)
                    if text in line:
                        yield codec.decode(line)
                except LineError as error:
                    raise JournalError(f"{path}:{number}: {error}", hint=_RESTORE) from error
    except FileNotFoundError:
        raise JournalError(f"{path}: no journal yet", hint="`migrator copy` begins one") from None
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from error


def _require_readable(path: Path, line: bytes) -> None:
    """Raise JournalError unless the first line is the header of a journal that this version can read."""
    fields = parse_line(line)
    if fields["event"] != Header.WORD:
        raise JournalError(f"{path}: is not a journal of migrator", hint="use another --state-dir")
    if isinstance(fields.get("format"), int) and fields["format"] > FORMAT:
        raise JournalError(
            f"{path}: was written by migrator {fields.get('tool')}, newer than this one",
            hint="use that version",
        )
