"""A real ACME server (Pebble) on loopback, which asks a name server for the answers to its challenges."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from migrator.errors import MigratorError
from migrator.testbed.name_server import NameServer
from migrator.testbed.planes.certs import make_authority
from migrator.testbed.processes import Process, free_ports, start, stop
from migrator.testbed.waiting import wait

_ENVIRONMENT = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "0"}
"""No pauses, and each order proves each name anew, so that the challenges count the orders."""
_ACCOUNTS = re.compile(r"There are now (\d+) accounts")


@dataclass(slots=True)
class Pebble:
    """A running ACME server."""

    process: Process
    port: int
    authority: bytes
    """What its own certificate is proven with, as PEM."""
    log: Path
    away: bool = False
    """Whether it answers nobody at present."""

    @property
    def directory(self) -> str:
        """Where a client begins (RFC 8555, 7.1.1)."""
        return f"https://127.0.0.1:{self.port}/dir"

    @property
    def orders(self) -> int:
        """How many orders it has taken."""
        return self.log.read_text().count("Added order ")

    @property
    def accounts(self) -> int:
        """How many accounts it has."""
        return max(map(int, _ACCOUNTS.findall(self.log.read_text())), default=0)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Let it answer nobody while the context is open; what it knows it keeps."""
        self.away = True
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)
            self.away = False


@contextmanager
def pebble(program: Path, folder: Path, names: NameServer) -> Iterator[Pebble]:
    """Run it until the context ends."""
    folder.mkdir(parents=True, mode=0o700)
    authority = make_authority(folder)
    certificate, key = authority.issue("pebble", "localhost", server=True)
    port, management = free_ports(2)
    config = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(certificate),
        "privateKey": str(key),
        "httpPort": 5002,
        "tlsPort": 5001,
        "retryAfter": {"authz": 1, "order": 1},
        "profiles": {"default": {"description": "as usual", "validityPeriod": 7776000}},
    }
    (folder / "config.json").write_text(json.dumps({"pebble": config}))
    log = folder / "log"
    command: list[str | Path] = [program, "-config", folder / "config.json", "-dnsserver", names.address]
    process = start("pebble", command, log, environment=_ENVIRONMENT)
    try:
        wait(lambda: "Listening on" in log.read_text(), lambda: MigratorError("pebble did not start", hint=f"see {log}"))
        yield Pebble(process, port, authority.path.read_bytes(), log)
    finally:
        stop([process])
