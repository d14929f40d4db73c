"""How many requests are in flight: more while the server answers as fast as before, half when it says 429."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from migrator.ports import Clock

# Requests in flight that keep a server busy whose answers take no time on their way.
_NEAR = 32
# Requests a second that a server may take: over a long way this many times the latency are on their way.
_RATE = 1000


class Throttle:
    """Steered by latency and by 429 and 503 answers.

    The limit grows by one with each quick answer, which doubles it in a round trip, up to what the latency asks for; once the
    server has said 429, by one in a round trip (additive increase, multiplicative decrease).
    """

    def __init__(self, highest: int, clock: Clock, *, start: int = 8) -> None:
        self._clock = clock
        self.highest = highest
        self._limit = float(min(start, highest))
        self._flying = 0
        self._free = threading.Condition()
        # Seconds of the quickest answer lately, and of all.
        self._best = self._least = math.inf
        self._asked_for_less = False

    @property
    def limit(self) -> int:
        """The number of requests that may be in flight now."""
        return max(1, int(self._limit))

    @property
    def wanted(self) -> int:
        """The number of requests in flight that keep the server busy, as far as its latency is known."""
        far = self._least * _RATE if self._least < math.inf else 0
        return min(self.highest, _NEAR + int(far))

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
            self._learn(self._clock.monotonic() - began)
        finally:
            self._release()

    def throttled(self) -> None:
        """Halve the limit: the server asked for less."""
        with self._free:
            self._asked_for_less = True
            self._limit = max(1.0, self._limit / 2)

    def _learn(self, seconds: float) -> None:
        with self._free:
            # The best latency fades, so that a server that became slower for good is not starved.
            self._best, self._least = min(self._best * 1.001, seconds), min(self._least, seconds)
            # Latency grows with the requests in flight even where the server keeps its pace; divided by them it shows the pace.
            per_request = seconds / max(1, self._flying)
            if per_request < self._best * 4:
                self._limit = min(float(self.wanted), self._limit + (1 / self._limit if self._asked_for_less else 1))
                self._free.notify()
            # Slow without a 429, as on a board whose disk is busy: down by one a round trip, not by half.
            elif seconds > 2.0:
                self._limit = max(1.0, self._limit - 1 / self._limit)

    def _release(self) -> None:
        with self._free:
            self._flying -= 1
            self._free.notify()
