"""The way from an API server to the processes that stand for pods: each pod has a made-up address, each process a port on loopback.

The testbed's API servers send what is for pods, Services and nodes to a proxy that does not exist (KEP-1281, HTTP CONNECT over a
Unix socket). Here it does, and leads to pods alone.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from migrator.testbed.processes import free_ports
from tests.support.threads import in_thread


@dataclass(slots=True)
class PodNetwork:
    """Which port of loopback stands for a port of a pod."""

    _ports: dict[str, int] = field(default_factory=dict)
    _addresses: int = 0

    def address(self) -> str:
        """Return the address of one more pod."""
        self._addresses += 1
        return f"10.244.{self._addresses >> 8}.{self._addresses & 255}"

    def open(self, address: str, port: int) -> int:
        """Return the port of loopback at which a process serves a port of its pod."""
        (real,) = free_ports(1)
        self._ports[f"{address}:{port}"] = real
        return real

    def connected(self, target: str) -> socket.socket:
        """Return a connection to a port of a pod; raises OSError where nobody listens."""
        if target not in self._ports:
            raise ConnectionRefusedError
        return socket.create_connection(("127.0.0.1", self._ports[target]))


@contextmanager
def pod_network(folder: Path) -> Iterator[PodNetwork]:
    """Let the API server whose files are in this folder reach pods while the context is open."""
    network, place = PodNetwork(), folder / "nowhere.sock"

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            target = self.rfile.readline().split()[1].decode()
            while self.rfile.readline().strip():
                pass
            try:
                pod = network.connected(target)
            except OSError:
                self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            with pod:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=_carry, args=(pod, self.connection))
                back.start()
                _carry(self.connection, pod)
                back.join()

    try:
        with socketserver.ThreadingUnixStreamServer(str(place), Handler) as running, in_thread(running):
            running.daemon_threads = True
            yield network
    finally:
        place.unlink(missing_ok=True)


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes one way until either side has ended."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
