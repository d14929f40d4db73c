"""Servers of the tests that run in a thread of their own, and end with the test."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_POLL = 0.02
"""Seconds in which it is noticed that a test has ended."""


@contextmanager
def in_thread(server: socketserver.BaseServer) -> Iterator[None]:
    """Answer requests until the context ends, however it ends: a loop over a closed socket would use up a core."""
    thread = threading.Thread(target=server.serve_forever, args=(_POLL,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
