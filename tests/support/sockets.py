"""Servers that say nothing, and a look at what passes through a socket."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@contextmanager
def black_hole() -> Iterator[int]:
    """Yield the port of a server that takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def closed_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Seen:
    """What passed through a socket."""

    commands: list[tuple[str, float]] = field(default_factory=list)
    """Each command, and the processor seconds that its sender had used when the answer had come."""

    def seconds_at_last(self, word: str) -> float:
        """Return the processor seconds at the last command that begins with a word."""
        return [seconds for command, seconds in self.commands if command.startswith(word)][-1]


@contextmanager
def watched(target: Path, at: Path) -> Iterator[Seen]:
    """Pass on what comes to a unix socket to another one, and note it."""
    seen = Seen()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(at))
        listener.listen()
        threading.Thread(target=_serve, args=(listener, target, seen), daemon=True).start()
        yield seen
        listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, target: Path, seen: Seen) -> None:
    while True:
        try:
            client = listener.accept()[0]
        except OSError:
            return
        with client, socket.socket(socket.AF_UNIX) as server:
            sender = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))[0]
            server.connect(str(target))
            command = client.recv(65536)
            server.sendall(command)
            answer = b""
            while chunk := server.recv(65536):
                answer += chunk
            seen.commands.append((command.decode().strip(), _processor_seconds(sender)))
            client.sendall(answer)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
