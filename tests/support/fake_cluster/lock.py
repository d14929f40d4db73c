"""The lock of a fake cluster, which a test can give to somebody else."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.errors import ApiError, LockLostError


@dataclass(slots=True)
class FakeLock:
    """Fills `HeldLock`."""

    holder: str
    taken_by: str = ""
    """Who has taken it over; empty while the holder has it."""
    silence: ApiError | None = None
    """What a server that cannot tell answers."""
    asked: int = 0
    """How often a write, or whoever is about to make one, has asked."""

    def check(self) -> None:
        """Raise LockLostError when somebody has taken it."""
        if self.taken_by:
            raise LockLostError(f"this run's lock was taken over by {self.taken_by}")

    def require(self) -> None:
        """Raise LockLostError when somebody has taken it, or what a test has set."""
        self.asked += 1
        self.check()
        if self.silence:
            raise self.silence
