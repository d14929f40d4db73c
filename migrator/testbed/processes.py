"""Start programs that outlive us, know them again later, and end exactly those."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from migrator.testbed.waiting import PATIENCE_SECONDS


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


def start(name: str, command: Sequence[str | Path], log: Path, *, environment: Mapping[str, str] | None = None) -> Process:
    """Start a program in a session of its own, its output in a log file; `environment`: all that it has, None: as here."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=environment,
        )
    return Process(name, child.pid, start_time(child.pid))


def start_time(pid: int) -> str:
    """Return a process's start time in clock ticks, empty when it is gone or a zombie.

    Of a killed program the first thread may be a zombie already while others still hold its port; then it is not gone.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    state, threads = fields[0], int(fields[17])
    return "" if state == "Z" and threads <= 1 else fields[19]


def stop(processes: Sequence[Process], *, patience: float = 5.0) -> None:
    """End these processes, politely and after `patience` seconds not; returns when they are gone."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, PATIENCE_SECONDS)):
        for process in processes:
            if process.alive:
                _signal(process.pid, number)
        deadline = time.monotonic() + seconds
        while any(process.alive for process in processes) and time.monotonic() < deadline:
            _reap(processes)
            time.sleep(0.02)
    _reap(processes)


def free_ports(count: int, *, lowest: int = 10000) -> list[int]:
    """Return TCP ports on loopback that nobody listens on.

    They are below those that the kernel gives to clients: such a port may be taken before a server of ours listens on it.
    """
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    span = max(first - lowest, 1000)
    found: set[int] = set()
    while len(found) < count:
        port = lowest + secrets.randbelow(span)
        if is_free(port):
            found.add(port)
    return list(found)


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Return whether nobody listens on this TCP port of an address of this machine."""
    with socket.socket() as item:
        item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            item.bind((address, port))
        except OSError:
            return False
    return True


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
