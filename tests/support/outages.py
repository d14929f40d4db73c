"""A server of the testbed that dies, is away for as long as a test needs, and is started again."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from migrator.testbed.processes import Process, start
from migrator.testbed.waiting import PATIENCE_SECONDS
from tests.support.sandbox import Pair, until


@contextmanager
def outage(pair: Pair, name: str, healthy: Callable[[], bool]) -> Iterator[Callable[[], None]]:
    """Kill a server such as `green/kube-apiserver`; start it again at the end, also of a test that fails.

    Yields a function that returns once somebody has tried to reach it in vain.
    """
    server = next(item for item in pair.testbed.status().processes if item.name == name and item.alive)
    command = Path(f"/proc/{server.pid}/cmdline").read_text().rstrip("\0").split("\0")
    port = next(int(part.partition("=")[2]) for part in command if part.startswith("--secure-port="))
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.alive)

    def refuse_one() -> None:
        with socket.create_server(("127.0.0.1", port)) as listener:
            listener.settimeout(PATIENCE_SECONDS)
            listener.accept()[0].close()

    try:
        yield refuse_one
    finally:
        _start_until(pair, name, command, healthy)


def _start_until(pair: Pair, name: str, command: list[str], healthy: Callable[[], bool]) -> None:
    """Start a program as often as a kubelet would: an API server ends itself where a machine is too busy for its first checks."""
    log = pair.testbed.folder / "restarted.log"
    running: list[Process] = []

    def come() -> bool:
        if not running or not running[-1].alive:
            running.append(start(name, command, log))
            pair.testbed._record(running[-1])
        return healthy()

    try:
        until(come)
    except AssertionError:
        raise AssertionError(f"{name} did not come back in {len(running)} starts: {log.read_text()[-2000:]}") from None
