"""A stand-in for HAProxy's Runtime API: a socket that passes commands on, and can answer garbage, nothing, or lose an answer."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.faults.plan import Kind

_GARBAGE = b"\x00\xff\xfe<html>503 Service Unavailable</html>\nfield,\n"
_CHUNK = 65536


class Relay:
    """Listens on a socket of its own before that of the real HAProxy."""

    def __init__(self, path: Path, real: Path, counted: Callable[[], None]) -> None:
        self.path = path
        self._real = real
        self._counted = counted
        self._choosing = threading.Lock()
        self._illness: Kind | None = None
        self._times = 0
        self._healed = threading.Event()
        self.changed_at: list[tuple[float, str]] = []
        """When HAProxy answered a command that changes something, on the monotonic clock."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self.heal()
        # A plain close would leave the thread in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def fall_ill(self, kind: Kind, times: int) -> None:
        """Treat the next `times` connections like this."""
        with self._choosing:
            self._healed.clear()
            self._illness, self._times = kind, times

    def heal(self) -> None:
        """Pass all on from now on."""
        with self._choosing:
            self._illness, self._times = None, 0
            self._healed.set()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(client,), daemon=True).start()

    def _one(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), contextlib.ExitStack() as last:
            # A plain close would leave the client waiting for as long as another thread reads from it.
            last.callback(_hang_up, client)
            command = client.recv(_CHUNK)
            if not command:
                return
            self._counted()
            illness = self._drawn()
            if illness is Kind.BALANCER_GARBAGE:
                client.sendall(_GARBAGE)
            elif illness is Kind.BALANCER_SILENT:
                self._healed.wait(60)
            else:
                self._pass_on(client, command, lose=illness is Kind.BALANCER_LOST)

    def _drawn(self) -> Kind | None:
        with self._choosing:
            if not self._times:
                return None
            self._times -= 1
            return self._illness

    def _pass_on(self, client: socket.socket, command: bytes, *, lose: bool) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as real:
            real.connect(str(self._real))
            real.sendall(command)
            threading.Thread(target=self._pass_commands, args=(client, real), daemon=True).start()
            while answer := real.recv(_CHUNK):
                if not lose:
                    client.sendall(answer)
        if command.startswith((b"set ", b"shutdown ")):
            self.changed_at.append((time.monotonic(), command.decode(errors="replace").strip()))

    def _pass_commands(self, client: socket.socket, real: socket.socket) -> None:
        """Pass on what else the client sends over this connection."""
        with contextlib.suppress(OSError):
            while more := client.recv(_CHUNK):
                self._counted()
                real.sendall(more)
            real.shutdown(socket.SHUT_WR)


def _hang_up(client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)


def asked(real: Path, command: str) -> str:
    """Return the answer of the real HAProxy."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(str(real))
        connection.sendall(command.encode() + b"\n")
        answer = b""
        while chunk := connection.recv(_CHUNK):
            answer += chunk
    return answer.decode()


def green_percent(real: Path) -> float:
    """Return green's share of the weights of servers that take new requests, in percent; -1 when none does."""
    weights = {}
    for line in asked(real, "show servers state shop").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 8 and not line.startswith("#"):
            # srv_admin_state: 0 is ready, all else is drain or maintenance (HAProxy management guide, `show servers state`).
            weights[fields[3]] = int(fields[7]) if fields[6] == "0" else 0
    total = sum(weights.values())
    return 100 * weights["green"] / total if total else -1.0
