"""A journal together with the state that follows from it."""

from __future__ import annotations

import threading
from typing import Generic, Protocol, TypeVar

from migrator.journal.records.base import Entry
from migrator.ports import Journal

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)
S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)

UNDO_ROOM = 64 * 1024
"""Bytes that hold the records of an undo of some hundred objects, with what a load balancer and two servers say."""


class Fold(Protocol[R_contra, S_co]):
    """Computes a state from entries, one after the other."""

    @property
    def state(self) -> S_co:
        """The state after all entries so far: a frozen value, which later entries do not change."""

    def take(self, entry: Entry[R_contra]) -> None:
        """Add the next entry."""


class Ledger(Generic[R, S]):
    """The only writer of a run: adds a record to the journal and to the state in one step. Safe to use from several threads."""

    def __init__(self, journal: Journal[R], fold: Fold[R, S]) -> None:
        self._journal = journal
        self._fold = fold
        self._writing = threading.Lock()
        for entry in journal.entries():
            fold.take(entry)

    @property
    def state(self) -> S:
        """The state now."""
        with self._writing:
            return self._fold.state

    def write(self, record: R) -> None:
        """Write a record before or after a change; raises JournalError."""
        with self._writing:
            # The journal first: when the disk refuses the record, the state must not contain it.
            self._fold.take(self._journal.append(record))

    def note(self, record: R) -> None:
        """Write a record of a completed change; it reaches the file with the next `write` or `sync` at the latest."""
        with self._writing:
            self._fold.take(self._journal.note(record))

    def sync(self) -> None:
        """Force what was written to disk; raises JournalError."""
        self._journal.sync()

    def reserve(self, size: int = UNDO_ROOM) -> None:
        """Keep room in the journal for an undo's records, also on a disk that fills up; raises JournalError."""
        self._journal.reserve(size)

    def use_reserve(self) -> None:
        """Let records take the room that was kept: an undo begins."""
        self._journal.use_reserve()
