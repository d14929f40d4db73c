"""Ask a control plane again while its answer is only late: etcd takes a breath when a member joins or leaves."""

from __future__ import annotations

import time

from migrator.errors import CommandFailedError
from migrator.ports import Host

_SECONDS = 30.0
_PASSING = (
    *("etcdserver", "connection refused", "was refused", "timed out", "timeout", "TLS handshake", "unexpected EOF"),
    *("leader changed", "unable to handle the request", "ServiceUnavailable", "InternalError", "connection reset"),
)


def ask(host: Host, command: str, *, timeout: float = 120.0) -> str:
    """Run a command that may be run twice; raises CommandFailedError once it has failed for half a minute, or for good."""
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            return host.run(command, timeout=timeout)
        except CommandFailedError as error:
            if time.monotonic() > deadline or not any(word in error.output for word in _PASSING):
                raise
            time.sleep(1)
