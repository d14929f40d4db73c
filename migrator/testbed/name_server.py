"""A real BIND on loopback that takes signed updates of one zone, and a second one that has the zone from it."""

from __future__ import annotations

import base64
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query

from migrator.errors import MigratorError
from migrator.testbed.processes import Process, free_ports, start, stop
from migrator.testbed.waiting import wait

ZONE = "example.test"
_OPTIONS = """\
include "{key}";
controls {{ }};
options {{
    directory "{folder}";
    pid-file none;
    session-keyfile none;
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    notify {notify};
    notify-delay 0;
    allow-transfer {{ 127.0.0.1; }};
    max-journal-size unlimited;
    max-ixfr-ratio unlimited;
}};
zone "{zone}" {{ {zone_options} }};
"""
RECORDS = """\
$ORIGIN {zone}.
$TTL 300
@ IN SOA ns1 admin 1 86400 3600 604800 60
@ IN NS ns1
ns1 IN A 127.0.0.1
{records}
"""


@dataclass(slots=True)
class NameServer:
    """A running BIND."""

    folder: Path
    port: int
    key: Path
    """The TSIG key that may update the zone."""
    _processes: list[Process] = field(default_factory=list, repr=False)

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"127.0.0.1:{self.port}"

    def command(self) -> list[str | Path]:
        """Return how it is started."""
        program = shutil.which("named") or shutil.which("named", path="/usr/sbin")
        if not program:
            raise MigratorError("BIND is not installed", hint="apt-get install bind9")
        return [program, "-g", "-c", self.folder / "named.conf"]

    def start(self) -> None:
        """Start it, and wait until it answers for the zone."""
        self._processes.append(start("named", self.command(), self.folder / "log"))
        wait(self._answers, lambda: MigratorError("the name server did not start", hint=f"see {self.folder / 'log'}"))

    def stop(self) -> None:
        """End it."""
        stop(self._processes)
        self._processes.clear()

    def _answers(self) -> bool:
        if not self._processes[-1].alive:
            raise MigratorError("the name server did not start", hint=f"see {self.folder / 'log'}")
        question = dns.message.make_query(ZONE, "SOA", flags=0)
        try:
            return bool(dns.query.tcp(question, "127.0.0.1", port=self.port, timeout=2).flags & dns.flags.AA)
        except (OSError, EOFError, dns.exception.DNSException):
            return False


@contextmanager
def name_server(
    folder: Path, records: str, *, writable: bool = True, signed: bool = False, notifies: int = 0
) -> Iterator[NameServer]:
    """Run a primary with these records (as in a zone file).

    `signed`: it signs the zone inline, and answers from the signed copy; `notifies`: the port of a secondary that hears of changes.
    """
    folder.mkdir(parents=True)
    key = folder / "tsig.key"
    write_key(key)
    (folder / "zone").write_text(RECORDS.format(zone=ZONE, records=records))
    told = f"also-notify {{ 127.0.0.1 port {notifies}; }};" if notifies else ""
    grant = 'update-policy { grant "migrator" zonesub ANY; };' if writable else ""
    signs = "dnssec-policy default; inline-signing yes;" if signed else ""
    options = f'type primary; file "{folder}/zone"; {grant} {signs} {told}'
    with _running(folder, key, options, notify="explicit" if notifies else "no") as server:
        yield server


@contextmanager
def secondary(folder: Path, primary: NameServer, *, port: int = 0) -> Iterator[NameServer]:
    """Run a server that has the zone from a primary; without being told it asks once a day, and at its start."""
    folder.mkdir(parents=True)
    options = f'type secondary; file "{folder}/zone"; primaries {{ 127.0.0.1 port {primary.port}; }};'
    with _running(folder, primary.key, options, notify="no", port=port) as server:
        yield server


def write_key(path: Path, name: str = "migrator") -> None:
    """Write a new TSIG key, as `tsig-keygen` does."""
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    path.touch(mode=0o600)
    path.write_text(f'key "{name}" {{\n\talgorithm hmac-sha256;\n\tsecret "{secret}";\n}};\n')


@contextmanager
def _running(folder: Path, key: Path, options: str, *, notify: str, port: int = 0) -> Iterator[NameServer]:
    port = port or free_ports(1)[0]
    text = _OPTIONS.format(key=key, folder=folder, port=port, zone=ZONE, notify=notify, zone_options=options)
    (folder / "named.conf").write_text(text)
    server = NameServer(folder, port, key)
    try:
        server.start()
        yield server
    finally:
        server.stop()
