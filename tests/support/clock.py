"""Time that passes only when somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable


class FakeClock:
    """Fills the `Clock` port; its clocks stand still but for `sleep`, `pass_time` and `suspend`."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._monotonic = 0.0
        self._suspended = 0.0
        self._due: list[tuple[float, Callable[[], None]]] = []
        self.slept: list[float] = []

    def now(self) -> float:
        """Return seconds since 1970."""
        return self._now

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._monotonic

    def boottime(self) -> float:
        """Return seconds that never go back, suspended or not."""
        return self._monotonic + self._suspended

    def suspend(self, seconds: float) -> None:
        """Close the laptop for a while."""
        self._now += seconds
        self._suspended += seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.slept.append(seconds)
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        """Let time pass without anybody having slept; what is due happens at the end of it."""
        self._now += seconds
        self._monotonic += seconds
        due = [action for at, action in self._due if at <= self._monotonic]
        self._due = [(at, action) for at, action in self._due if at > self._monotonic]
        for action in due:
            action()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Let something happen once this much time has passed: a person's ^C, a change by somebody else."""
        self._due.append((self._monotonic + seconds, action))


def interrupt() -> None:
    """Press ^C."""
    raise KeyboardInterrupt
