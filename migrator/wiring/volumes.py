"""From `volumes.hosts` of migration.yaml to movers between both clusters' hosts."""

from __future__ import annotations

from pathlib import Path

from migrator.adapters.clock import SystemClock
from migrator.config.hosts import load_hosts
from migrator.config.schema import Migration
from migrator.migration.data.passes import Movers
from migrator.ssh.host import SshHost, socket_folder
from migrator.ssh.relay import SshRelay
from migrator.volumes.line import Machine
from migrator.volumes.mover import NodeMover
from migrator.wiring.inputs import MigrationInputs


def movers(inputs: MigrationInputs, config: Migration) -> Movers:
    """Return the movers, which know no host where migration.yaml names none; raises ConfigError for mistakes in a file of hosts."""
    files = config.volumes.hosts
    paths = (files.blue, files.green) if files else ()
    blue, green = [_machines(inputs.folder / Path(path).expanduser()) for path in paths] or ({}, {})
    port = config.volumes.port
    relay = SshRelay(socket_folder(), SystemClock()) if config.volumes.relay else None
    return Movers(
        to_green=NodeMover(blue, green, port=port, relay=relay),
        to_blue=NodeMover(green, blue, port=port, relay=relay),
        proofs=proof_folder(inputs, config),
        confirm=inputs.confirm,
        green_nodes=tuple(green),
        blue_nodes=tuple(blue),
        lacking="" if files else f"{inputs.file}: volumes.hosts: is missing: the data is copied between hosts",
    )


def proof_folder(inputs: MigrationInputs, config: Migration) -> Path:
    """Return where proofs lie: beside the journal."""
    return inputs.journal(config.name).parent / "proofs"


def _machines(path: Path) -> dict[str, Machine]:
    clock = SystemClock()
    logins = load_hosts(path).logins
    found = {name: (SshHost(name, login, socket_folder(), clock=clock), address) for name, (login, address) in logins.items()}
    return {name: Machine(host, address, host.login) for name, (host, address) in found.items()}
