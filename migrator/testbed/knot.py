"""A real Knot DNS on loopback that takes signed updates of the testbed's zone."""

from __future__ import annotations

import base64
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migrator.errors import MigratorError
from migrator.testbed.name_server import RECORDS, ZONE, NameServer
from migrator.testbed.processes import free_ports

_CONFIG = """\
server:
    rundir: {folder}
    listen: 127.0.0.1@{port}
database:
    storage: {folder}
log:
  - target: stderr
    any: info
key:
  - id: migrator
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: update
    key: migrator
    action: update
zone:
  - domain: {zone}
    file: {folder}/zone
    acl: update
"""


class Knot(NameServer):
    """A running Knot."""

    def command(self) -> list[str | Path]:
        """Return how it is started."""
        program = shutil.which("knotd") or shutil.which("knotd", path="/usr/sbin")
        if not program:
            raise MigratorError("Knot is not installed", hint="apt-get install knot")
        return [program, "-c", self.folder / "knot.conf"]


@contextmanager
def knot(folder: Path, records: str) -> Iterator[Knot]:
    """Run one with these records, as in a zone file."""
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    key = folder / "tsig.key"
    key.touch(mode=0o600)
    key.write_text(f'key "migrator" {{\n\talgorithm hmac-sha256;\n\tsecret "{secret}";\n}};\n')
    config = folder / "knot.conf"
    config.touch(mode=0o600)
    config.write_text(_CONFIG.format(folder=folder, port=port, secret=secret, zone=ZONE))
    (folder / "zone").write_text(RECORDS.format(zone=ZONE, records=records))
    server = Knot(folder, port, key)
    try:
        server.start()
        yield server
    finally:
        server.stop()
