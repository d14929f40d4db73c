"""Hosts with real keepalived on both sides, reached through one real SSH server, and how migration.yaml says so."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from migrator.errors import MigratorError
from migrator.testbed.lan import ADDRESS, Lan
from migrator.testbed.sshd import SshServer, ssh_server
from migrator.testbed.vrrp import Keepalived, keepalived
from migrator.testbed.waiting import wait

PRIORITIES = {"blue": {"b1": 150, "b2": 140}, "green": {"g1": 110, "g2": 100}}


class Addresses:
    """Two hosts of blue and two of green; b1 has the address."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.lan = Lan(stack)
        self.servers: dict[str, SshServer] = {}
        self.hosts: dict[str, Keepalived] = {}
        for side, hosts in PRIORITIES.items():
            for name, priority in hosts.items():
                self.hosts[name] = keepalived(self.lan, stack, folder / name, name, priority, may=side == "blue")
                inside = f"ip netns exec {self.lan.namespace(name)}"
                self.servers[name] = stack.enter_context(ssh_server(folder / f"ssh-{name}", inside=inside))
                self.lan.serve(name, side)
        wait(lambda: self.holds("b1"), lambda: MigratorError("no host has the address", hint=f"see {folder}/b1/log"))

    def config(self, **more: Any) -> dict[str, Any]:
        """Return what the file says."""
        sides = {
            side: [{"name": name, "ssh": self.servers[name].access, **self.hosts[name].paths} for name in hosts]
            for side, hosts in PRIORITIES.items()
        }
        return {"address": {"ip": ADDRESS, **sides, **more}}

    def holds(self, name: str) -> bool:
        """Return whether a host has the address, by its kernel."""
        return ADDRESS in self.lan.addresses(name)

    @property
    def files(self) -> dict[str, int]:
        """What each host was told."""
        return {name: int(host.track.read_text()) for name, host in self.hosts.items()}
