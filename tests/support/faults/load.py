"""Constant load on HAProxy that remembers when a request failed."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from migrator.testbed.waiting import PATIENCE_SECONDS

_CLIENTS = 4
_PAUSE_SECONDS = 0.04


@dataclass(slots=True, frozen=True)
class Failure:
    """A request without a good answer; times are monotonic."""

    began: float
    ended: float
    why: str


@dataclass(slots=True)
class Load:
    """What the clients saw."""

    port: int
    requests: int = 0
    failures: list[Failure] = field(default_factory=list)


@contextmanager
def load(port: int) -> Iterator[Load]:
    """Send requests until the block ends, half of the clients over kept connections, half over new ones."""
    seen = Load(port)
    done = threading.Event()
    threads = [threading.Thread(target=_client, args=(seen, done, number % 2 == 0), daemon=True) for number in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        done.set()
        for thread in threads:
            thread.join(timeout=PATIENCE_SECONDS)


def answers(port: int, count: int) -> set[str]:
    """Return who answers new connections."""
    found = set()
    for _ in range(count):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            found.add(_ask(connection, keep=False))
        finally:
            connection.close()
    return found


def _client(seen: Load, done: threading.Event, keep: bool) -> None:  # noqa: FBT001
    connection = http.client.HTTPConnection("127.0.0.1", seen.port, timeout=30)
    while not done.is_set():
        began = time.monotonic()
        try:
            answer = _ask(connection, keep=keep)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            answer = f"{type(error).__name__}: {error}"
        seen.requests += 1
        if answer not in ("blue", "green"):
            seen.failures.append(Failure(began, time.monotonic(), answer))
        done.wait(_PAUSE_SECONDS)
    connection.close()


def _ask(connection: http.client.HTTPConnection, *, keep: bool) -> str:
    connection.request("GET", "/", headers={} if keep else {"Connection": "close"})
    response = connection.getresponse()
    text = response.read().decode().strip()
    return text if response.status == 200 else f"status {response.status}"
