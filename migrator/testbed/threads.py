"""Threads that work beside a block of code, and end with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def beside(over: threading.Event, *work: Callable[[], None], patience: float | None = None) -> Iterator[None]:
    """Run each in a thread; at the end of the block set `over`, on which they end, and wait `patience` seconds at most for each."""
    threads = [threading.Thread(target=one, daemon=True) for one in work]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=patience)
