"""The locks of a cutover, which changes both clusters: no two runs both believe that they hold what runs on one side only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from migrator.errors import ForbiddenError
from migrator.model.events import Note
from migrator.ports import HeldLock, MigrationLock, Reporter


@dataclass(slots=True, frozen=True)
class BothLocks:
    """Fills `HeldLock` for both clusters."""

    green: HeldLock
    blue: HeldLock | None
    """None where blue's account may not hold one."""

    def check(self) -> None:
        """Raise LockLostError when one of them is known to be lost."""
        self.green.check()
        if self.blue:
            self.blue.check()

    def require(self) -> None:
        """Raise LockLostError when one is lost, UnavailableError when green does not tell.

        A blue that does not answer keeps no traffic from green: it is not written to then, and each write there asks for itself.
        """
        self.check()
        self.green.require()


@contextmanager
def both_locked(blue: MigrationLock, green: MigrationLock, holder: str, reporter: Reporter) -> Iterator[BothLocks]:
    """Hold the Leases of green and, where its account may, of blue; raises BlockedError when another run holds one of them."""
    with ExitStack() as stack:
        # Green's first: every migration to it asks for that one, so two runs meet there.
        on_green = stack.enter_context(green.lock(holder, reporter))
        on_blue = None
        try:
            on_blue = stack.enter_context(blue.lock(holder, reporter))
        except ForbiddenError as error:
            text = f"no lock is held on blue: {error.message}; apply deploy/rbac-blue.yaml again"
            reporter.emit(Note(f"{text}. Another run on blue, for another green, would not be kept away", warning=True))
        yield BothLocks(on_green, on_blue)
