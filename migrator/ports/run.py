"""What each run needs: a journal, a person who reads, time, and the programs of that person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from migrator.journal.records.base import Entry
from migrator.model.events import Event

R = TypeVar("R")


class ByteSink(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes) -> int:
        """Write, and return how many bytes."""


class Sealer(Protocol):
    """Encrypts with a person's own key."""

    suffix: str
    """What the name of an encrypted file ends with."""

    def sealing(self, target: ByteSink) -> AbstractContextManager[ByteSink]:
        """Yield what encrypts all that is written to it into `target`; raises CommandFailedError when it cannot."""


class CommandRunner(Protocol):
    """Runs the person's hooks."""

    def run(self, command: tuple[str, ...], timeout: float) -> None:
        """Run a command to its end; raises CommandFailedError."""


class ImageRegistry(Protocol):
    """Reads image indexes."""

    def architectures(self, image: str) -> frozenset[str]:
        """Return the CPU architectures of an image; raises MigratorError when the registry does not tell."""


class Journal(Protocol[R]):
    """The append-only record of a migration, or of a cluster's upgrades."""

    def append(self, record: R) -> Entry[R]:
        """Write one record to the disk, before or after a change, and return it with its time; raises JournalError."""

    def note(self, record: R) -> Entry[R]:
        """Write one record of a completed change; it may wait for others, until `append` or `sync` at the latest."""

    def sync(self) -> None:
        """Force what was written to disk."""

    def reserve(self, size: int) -> None:
        """Keep this many bytes of room for an undo's records until `use_reserve`; raises JournalError."""

    def use_reserve(self) -> None:
        """Let records take the room that was kept."""

    def entries(self) -> Iterator[Entry[R]]:
        """Yield all entries so far, oldest first."""


class Reporter(Protocol):
    """Shows a person what happens."""

    def emit(self, event: Event) -> None:
        """Show one event."""


class Clock(Protocol):
    """Time, so that tests need not wait."""

    def now(self) -> float:
        """Return seconds since 1970."""

    def monotonic(self) -> float:
        """Return seconds that never go back; they may stand still while the machine is suspended."""

    def boottime(self) -> float:
        """Return seconds that never go back, and go on while the machine is suspended."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class Interruptions(Protocol):
    """Signals that ask this process to end; each raises KeyboardInterrupt, with its name, unless it is held back."""

    def held_back(self) -> AbstractContextManager[None]:
        """While the context is open, only note signals; one that was noted interrupts at the end, unless an error does."""

    def let_through(self) -> AbstractContextManager[None]:
        """Within `held_back`, let one signal interrupt what is inside; none is lost between it and what handles it."""
