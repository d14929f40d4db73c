"""Start programs that outlive us, know them again later, and end exactly those."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True, frozen=True)
class Process:
    """A started program; the start time tells it from a later one with the same id."""

    name: str
    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return start_time(self.pid) == self.started


def start(name: str, command: Sequence[str | Path], log: Path) -> Process:
    """Start a program in a session of its own, its output in a log file."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Process(name, child.pid, start_time(child.pid))


def start_time(pid: int) -> str:
    """Return a process's start time in clock ticks, empty when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def stop(processes: Sequence[Process], *, patience: float = 5.0) -> None:
    """End these processes, politely and then not; returns when they are gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            if process.alive:
                _signal(process.pid, number)
        deadline = time.monotonic() + patience
        while any(process.alive for process in processes) and time.monotonic() < deadline:
            _reap(processes)
            time.sleep(0.02)
    _reap(processes)


def free_ports(count: int) -> list[int]:
    """Return TCP ports on loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]
    finally:
        for item in sockets:
            item.close()


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _reap(processes: Sequence[Process]) -> None:
    for process in processes:
        try:
            os.waitpid(process.pid, os.WNOHANG)
        except ChildProcessError:
            continue
