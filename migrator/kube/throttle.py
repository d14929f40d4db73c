"""How many requests are in flight: more while the server answers as fast as before, half when it says 429."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from migrator.ports import Clock


class Throttle:
    """Additive increase, multiplicative decrease, steered by latency and by 429 and 503 answers."""

    def __init__(self, highest: int, clock: Clock, *, start: int = 8) -> None:
        self._clock = clock
        self.highest = highest
        self._limit = float(min(start, highest))
        self._flying = 0
        self._free = threading.Condition()
        self._best = float("inf")

    @property
    def limit(self) -> int:
        """The number of requests that may be in flight now."""
        return max(1, int(self._limit))

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the slots for the time of a request, and learn from how long it took."""
        with self._free:
            while self._flying >= self.limit:
                self._free.wait()
            self._flying += 1
        began = self._clock.monotonic()
        try:
            yield
        except BaseException:
            self._release()
            raise
        self._learn(self._clock.monotonic() - began)
        self._release()

    def throttled(self) -> None:
        """Halve the limit: the server asked for less."""
        with self._free:
            self._limit = max(1.0, self._limit / 2)

    def _learn(self, seconds: float) -> None:
        with self._free:
            # The best latency fades, so that a server that became slower for good is not starved.
            self._best = min(self._best * 1.001, seconds)
            per_request = seconds / max(1, self._flying)
            if per_request < self._best * 4:
                self._limit = min(float(self.highest), self._limit + 1 / self._limit)
            elif seconds > 2.0:
                self._limit = max(1.0, self._limit - 1 / self._limit)

    def _release(self) -> None:
        with self._free:
            self._flying -= 1
            self._free.notify()
