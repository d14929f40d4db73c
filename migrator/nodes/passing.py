"""Failures of the network, of registries and of package databases that pass by themselves: what failed so is tried once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
BUSY = (
    *("unable to return a response in the time allotted", "etcdserver: request timed out", "etcdserver: leader changed"),
    *("client.timeout", "deadline exceeded", "tls handshake timeout", "i/o timeout", "connection refused", "connection reset"),
    # kubeadm's own Job that every upgrade waits for, on a node that is slow for a moment (kubeadm#3282, kubespray#12006).
    *("did not complete in", "could not create job"),
    *("client connection lost", "unexpected eof", "currently unable to handle the request", "too many requests"),
)
"""Words of an API server that is away or busy for a moment, as kubeadm passes them on."""
RESTORED = "tried to recover everything"
"""kubeadm has put static pods back: the new ones did not come up, and would not the next time."""
PAUSE_SECONDS = 15.0
"""Long enough for a mirror's next host, and for a pacman that only reads."""


def once_more(host: Host, call: Callable[[], T], *, words: Sequence[str] = PASSING, never: str = "") -> T:
    """Return what `call` returns; one that fails in words that pass is made once more after a pause. Raises its last error.

    An error that says `never`, too, is none of those.
    """
    try:
        return call()
    except MigratorError as error:
        text = f"{error.message} {getattr(error, 'output', '')}".lower()
        if (never and never in text) or not any(word.lower() in text for word in words):
            raise
    host.clock.sleep(PAUSE_SECONDS)
    return call()
