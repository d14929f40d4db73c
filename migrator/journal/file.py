"""A journal as a file of JSON lines with one writer at a time; it is the only state that a run leaves behind.

It holds names, UIDs and digests, never the content of objects. A line that announces a change is on the disk before the
change is made, so that it survives a killed process and a power failure.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Generic, Self, TypeVar, cast

from migrator.errors import JournalError
from migrator.journal.disk import PieceFile, advice
from migrator.journal.records.base import Bound, Entry, Header, Record
from migrator.journal.records.codec import Codec, LineError, TornLineError, parse_line

if TYPE_CHECKING:
    from migrator.ports import Clock

FORMAT = 1

# A killed run can lose so many outcomes; the next run checks again what was announced.
_HELD_LINES = 64
_RESTORE = "restore the file, use the version of migrator that wrote it, or start over with another --state-dir"
_NONE = "one that was begun lies beside its migration.yaml: --config or --state-dir names it; `migrator copy` begins a new one"
_AROUND = "`{}` reads around it; for anything else restore the file, or start over with another --state-dir"

R = TypeVar("R", bound=Record)
Damaged = Callable[[str], None]
"""Is told of a torn line: the file, the number of the line, and what is wrong with it."""


class FileJournal(Generic[R]):
    """Implements the `Journal` port; locks the file against a second run until the end of the `with` block."""

    def __init__(
        self, path: Path, codec: Codec[R], *, tool: str, migration: str, clock: Clock, damaged: Damaged | None = None
    ) -> None:
        """With `damaged`, torn lines are handed to it and left out; without, they raise JournalError."""
        self.path = path
        self._codec = codec
        self._clock = clock
        self._damaged = damaged
        self._writing = threading.Lock()
        self._held: list[bytes] = []
        self._file = PieceFile(path)
        with contextlib.ExitStack() as unless_done:
            unless_done.callback(self._file.close)
            self._check_header(tool, migration)
            unless_done.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            with self._writing:
                self._write_held()
        except JournalError:
            # The first error says more; a run without these lines looks again at what was announced.
            if error is None:
                raise
        finally:
            self._file.close()

    def append(self, record: R) -> Entry[R]:
        """Write one line to the disk; raises JournalError when the disk refuses it, so that the change is not made.

        A line that was refused is not in the journal; the notes before it are kept for the next attempt.
        """
        with self._writing:
            entry = self._entry(record)
            self._write_held()
            # Notes were made earlier than this record, and a reader folds lines in the order of the file.
            before = self._file.end
            self._file.add(self._codec.encode(entry))
            try:
                self._file.sync()
            except JournalError:
                # The caller does not make the change; a line that announces it would make the next run look for its effect.
                self._file.cut(before)
                raise
        return entry

    def note(self, record: R) -> Entry[R]:
        """Add one line to a batch that is written as a whole, since ten thousand single writes take half a second.

        A killed run can lose the batch; the next run then checks again what was announced before. Raises JournalError.
        """
        with self._writing:
            entry = self._entry(record)
            self._held.append(self._codec.encode(entry))
            if len(self._held) >= _HELD_LINES:
                self._write_held()
        return entry

    def sync(self) -> None:
        """Force what was written to disk."""
        with self._writing:
            self._write_held()
            self._file.sync()

    def reserve(self, size: int) -> None:
        """Keep room for an undo's lines until `use_reserve`, also on a disk that fills up; raises JournalError."""
        with self._writing:
            self._file.reserve(size)

    def use_reserve(self) -> None:
        """Let lines take the room that was kept: an undo begins."""
        with self._writing:
            self._file.use_reserve()

    def entries(self) -> Iterator[Entry[R]]:
        """Yield all entries so far, oldest first; raises JournalError for a line that is not a record."""
        with self._writing:
            self._write_held()
        return iter_entries(self.path, self._codec, damaged=self._damaged)

    def bind(self, **identities: str) -> None:
        """Record the identities of the clusters; raises JournalError when an earlier run did something with others.

        One that only looked, with another context by mistake, binds nobody. Callers leave out a cluster that does not answer.
        """
        bound: dict[str, str] = {}
        for entry in iter_entries(self.path, self._codec, mentions=Bound.WORD, damaged=self._damaged):
            if isinstance(entry.record, Bound):
                bound |= entry.record.clusters
        for side, identity in identities.items():
            if bound.get(side, identity) != identity and self._has_done_something():
                whose = side if side == "cluster" else f"{side} cluster"
                raise JournalError(
                    f"{self.path}: belongs to another {whose}",
                    hint="use another --state-dir, or correct the context in the file",
                )
        fresh = {side: identity for side, identity in identities.items() if bound.get(side) != identity}
        if fresh:
            self.append(cast("R", Bound(fresh)))

    def _has_done_something(self) -> bool:
        return any(
            not isinstance(entry.record, Header | Bound) for entry in iter_entries(self.path, self._codec, damaged=self._damaged)
        )

    def _entry(self, record: R) -> Entry[R]:
        return Entry(round(self._clock.now(), 3), record)

    def _write_held(self) -> None:
        if self._held:
            self._file.add(b"".join(self._held))
            self._held = []

    def _check_header(self, tool: str, migration: str) -> None:
        first = next(self.entries(), None)
        if first is None:
            self.append(cast("R", Header(FORMAT, tool, migration)))
        # The version of the tool may differ: a newer one goes on with a journal of an older one.
        elif isinstance(first.record, Header) and first.record.migration != migration:
            raise JournalError(
                f"{self.path}: belongs to migration {first.record.migration}, not {migration}",
                hint="use another --state-dir",
            )


def iter_entries(path: Path, codec: Codec[R], *, mentions: str = "", damaged: Damaged | None = None) -> Iterator[Entry[R]]:
    """Yield a journal's entries without locking the file; raises JournalError with the number of the line.

    With `mentions` only lines that contain this text are decoded: a few of many thousands. With `damaged` a torn line is told
    to it, and the lines before and after it are read; a whole line that is no record is an error all the same.
    """
    text = mentions.encode()
    number = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(_whole_lines(file), start=1):
                try:
                    if number == 1:
                        _require_readable(path, line)
                    # A search of bytes is much cheaper than a parse; callers look at the class of what is decoded.
                    if text in line:
                        yield codec.decode(line)
                except TornLineError as error:
                    if damaged is None or number == 1:
                        raise JournalError(f"{path}:{number}: {error}", hint=_hint(codec, number)) from error
                    damaged(f"{path}:{number}: {error}")
                    if error.rest and text in error.rest:
                        yield codec.decode(error.rest)
    except LineError as error:
        raise JournalError(f"{path}:{number}: {error}", hint=_RESTORE) from error
    except FileNotFoundError:
        raise JournalError(f"{path}: no journal yet", hint=_NONE) from None
    except OSError as error:
        hint = advice(path, error) if isinstance(error, PermissionError) else ""
        raise JournalError(f"{path}: cannot be read: {error.strerror}", hint=hint) from error


def _hint(codec: Codec[R], number: int) -> str:
    """Return what a person can do about a torn line; without the header nobody knows whose journal it is."""
    return _AROUND.format(codec.read_around_by) if codec.read_around_by and number > 1 else _RESTORE


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines up to the first without a line break: of a killed run, which did not make the change that it announces.

    A run that is writing now may fill zeros of its reserve between two reads of ours; such a line is read again.
    """
    start = 0
    while (line := file.readline()).endswith(b"\n"):
        if b"\0" in line:
            file.seek(start)
            line = file.readline()
            if not line.endswith(b"\n"):
                return
        yield line
        start += len(line)


def _require_readable(path: Path, line: bytes) -> None:
    """Raise JournalError unless the first line is the header of a journal that this version can read."""
    fields = parse_line(line)
    if fields["event"] != Header.WORD:
        raise JournalError(f"{path}: is not a journal of migrator", hint="use another --state-dir")
    # The format is checked before the record is decoded: a newer version may have changed the fields of the header itself.
    if isinstance(fields.get("format"), int) and fields["format"] > FORMAT:
        raise JournalError(
            f"{path}: was written by migrator {fields.get('tool')}, newer than this one",
            hint="use that version",
        )
