"""Time that passes only when somebody sleeps."""

from __future__ import annotations


class FakeClock:
    """Fills the `Clock` port; both clocks stand still but for `sleep` and `pass_time`."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._monotonic = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        """Return seconds since 1970."""
        return self._now

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.slept.append(seconds)
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        """Let time pass without anybody having slept."""
        self._now += seconds
        self._monotonic += seconds
