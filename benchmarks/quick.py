"""Services and clients that cost little processor time, so that 100,000 requests take a minute on two cores."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from migrator.testbed.balancer import Balancer, Load
from migrator.testbed.processes import free_ports
from migrator.testbed.threads import beside

_ANSWERS = """\
global
    stats socket {folder}/haproxy.sock mode 600 level admin
defaults
    mode http
    timeout client 30s
"""
_ANSWER = """\
frontend {name}
    bind 127.0.0.1:{port}
    http-request return status 200 content-type text/plain string {name}
"""
_SECONDS = 30.0


def answering(folder: Path, stack: ExitStack) -> dict[str, str]:
    """Run one HAProxy that answers with its name at two addresses; return them by name."""
    folder.mkdir(parents=True)
    ports = dict(zip(("blue", "green"), free_ports(2), strict=True))
    config = _ANSWERS.format(folder=folder) + "".join(_ANSWER.format(name=name, port=port) for name, port in ports.items())
    (folder / "haproxy.cfg").write_text(config)
    balancer = Balancer(folder, ports["blue"])
    balancer.start()
    stack.callback(balancer.stop)
    return {name: f"127.0.0.1:{port}" for name, port in ports.items()}


@contextmanager
def load(*ports: int, clients: int = 6, pause: float = 0.002) -> Iterator[Load]:
    """Send requests until the block ends, half of the clients over kept connections, half over new ones."""
    seen, done = Load(), threading.Event()

    def client(number: int) -> None:
        ask = _asking(ports[number // 2 % len(ports)], keep=number % 2 == 0)
        while not done.is_set():
            ask(seen)
            done.wait(pause)

    with beside(done, *(partial(client, number) for number in range(clients)), patience=_SECONDS):
        yield seen


def _asking(port: int, *, keep: bool) -> Callable[[Load], None]:
    """Return what sends one request and counts it."""
    kept: list[socket.socket] = []
    request = f"GET / HTTP/1.1\r\nHost: shop\r\n{'' if keep else 'Connection: close' + chr(13) + chr(10)}\r\n".encode()

    def ask(seen: Load) -> None:
        began, answer, failure = time.monotonic(), "", ""
        connection = kept.pop() if kept else None
        try:
            connection = connection or socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
            connection.sendall(request)
            status, answer = _answer(connection)
            failure = "" if status == "200" else f"status {status}"
            if keep and not failure:
                kept.append(connection)
        except OSError as error:
            failure = f"{type(error).__name__}: {error}"
        if connection and connection not in kept:
            connection.close()
        seen.count(began, answer, failure)

    return ask


def _answer(connection: socket.socket) -> tuple[str, str]:
    """Return the status and the body of one answer; raises OSError when it ends before its length."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += _more(connection)
    head, _, body = got.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head.decode().splitlines()[1:])
    while len(body) < int(fields["content-length"]):
        body += _more(connection)
    return head.split(b" ", 2)[1].decode(), body.decode().strip()


def _more(connection: socket.socket) -> bytes:
    chunk = connection.recv(65536)
    if not chunk:
        raise ConnectionError("the connection ended within an answer")
    return chunk
