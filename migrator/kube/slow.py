"""Sockets that give one request a limit: a server that sends a byte now and then meets every limit of a single read.

Nothing is counted by a clock of its own thread: what is left of the limit is the timeout of the next read or write.
"""

from __future__ import annotations

import math
import socket
import ssl
from typing import Any, Self

from migrator.ports import Clock

SLOWEST = 16 * 1024
"""Bytes per second below which an answer counts as none: 250 objects of 1 MiB may take long, but not drip."""


class _Limited(socket.socket):
    """What both kinds of sockets share."""

    _clock: Clock | None = None
    _ends_at = math.inf

    def begin(self, seconds: float, clock: Clock) -> None:
        """Give what follows this many seconds, and one more for each `SLOWEST` bytes that come."""
        self._clock = clock
        self._ends_at = clock.monotonic() + seconds

    def _received(self, count: int) -> int:
        self._ends_at += count / SLOWEST
        return count

    def _left(self) -> float | None:
        if self._clock is None:
            return self.gettimeout()
        seconds = self._ends_at - self._clock.monotonic()
        if seconds <= 0:
            raise TimeoutError("timed out")
        return seconds


class LimitedSocket(_Limited):
    """For http://, and below a proxy's tunnel."""

    @classmethod
    def connected(cls, clock: Clock, address: tuple[str, int], timeout: float, source: Any = None) -> Self:
        """Connect; what follows, such as a proxy's answer, has the same limit."""
        made = socket.create_connection(address, timeout, source)
        # create_connection takes no class of sockets; detach keeps the descriptor open for the new object.
        limited = cls(made.family, made.type, made.proto, fileno=made.detach())
        limited.settimeout(timeout)
        limited.begin(timeout, clock)
        return limited

    def recv_into(self, *args: Any, **options: Any) -> int:
        """Read within what is left."""
        self.settimeout(self._left())
        return self._received(super().recv_into(*args, **options))

    def sendall(self, *args: Any, **options: Any) -> None:
        """Write within what is left: CPython's own loop counts one timeout for all of it."""
        self.settimeout(self._left())
        super().sendall(*args, **options)


class LimitedTls(_Limited, ssl.SSLSocket):
    """For https://; CPython counts one timeout for a whole handshake, and for a whole record."""

    def recv_into(self, *args: Any, **options: Any) -> int:
        """Read within what is left."""
        self.settimeout(self._left())
        return self._received(super().recv_into(*args, **options))

    def send(self, *args: Any, **options: Any) -> int:
        """Write within what is left; `sendall` is made of these."""
        self.settimeout(self._left())
        return super().send(*args, **options)
