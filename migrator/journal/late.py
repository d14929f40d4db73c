"""A journal that is read at once and opened for writing only when the first record is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from migrator.errors import JournalError
from migrator.journal.file import Damaged, FileJournal, iter_entries
from migrator.journal.records.base import Entry, Record
from migrator.journal.records.codec import Codec

R = TypeVar("R", bound=Record)


class LateJournal(Generic[R]):
    """Implements the `Journal` port for a way back, which must not wait for a lock or a disk."""

    def __init__(self, path: Path, codec: Codec[R], open_it: Callable[[], FileJournal[R]], damaged: Damaged) -> None:
        """Take what opens the journal for writing, which may raise JournalError, and what is told of torn lines."""
        self._path = path
        self._codec = codec
        self._open = open_it
        self._damaged = damaged
        self._opened: FileJournal[R] | None = None
        self._refused: JournalError | None = None

    def close(self) -> None:
        """Let the file go, if it was opened."""
        if self._opened is not None:
            # Without an error, so that lines which are still held and cannot be written are told.
            self._opened.__exit__(None, None, None)
            self._opened = None

    def append(self, record: R) -> Entry[R]:
        """Write one line; raises JournalError, the same one again once the file could not be opened."""
        return self._file().append(record)

    def note(self, record: R) -> Entry[R]:
        """Add one line to a batch; raises JournalError."""
        return self._file().note(record)

    def sync(self) -> None:
        """Force what was written to disk; raises JournalError."""
        if self._opened is not None:
            self._opened.sync()

    def reserve(self, size: int) -> None:
        """Keep room for an undo's lines; raises JournalError."""
        self._file().reserve(size)

    def use_reserve(self) -> None:
        """Let lines take the room that was kept by an earlier run."""
        self._file().use_reserve()

    def entries(self) -> Iterator[Entry[R]]:
        """Yield all entries so far, oldest first; raises JournalError for a whole line that is not a record."""
        return iter_entries(self._path, self._codec, damaged=self._damaged)

    def _file(self) -> FileJournal[R]:
        # Not tried again: each attempt could wait for a disk that does not answer, and the way back must not.
        if self._refused is not None:
            raise self._refused
        if self._opened is None:
            try:
                self._opened = self._open()
            except JournalError as error:
                self._refused = error
                raise
        return self._opened
