"""Failures of the network, of registries and of package databases that pass by themselves: what failed so is tried once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from migrator.errors import MigratorError
from migrator.ports import Host

T = TypeVar("T")
PASSING = (
    *("429", "toomanyrequests", "too many requests", "rate limit"),
    *("timeout", "timed out", "deadline exceeded", "connection reset", "unexpected EOF", "TLS handshake"),
    *("502", "503", "504", "bad gateway", "service unavailable", "temporary failure in name resolution", "no such host"),
    *("404", "could not resolve host", "unable to lock database"),
)
"""Words of such failures: registries (429), mirrors that have not all they list yet (404), another pacman at work (its lock)."""
PAUSE_SECONDS = 15.0
"""Long enough for a mirror's next host, and for a pacman that only reads."""


def once_more(host: Host, call: Callable[[], T]) -> T:
    """Return what `call` returns; one that fails in words that pass is made once more after a pause. Raises its last error."""
    try:
        return call()
    except MigratorError as error:
        text = f"{error.message} {getattr(error, 'output', '')}".lower()
        if not any(word.lower() in text for word in PASSING):
            raise
    host.clock.sleep(PAUSE_SECONDS)
    return call()
