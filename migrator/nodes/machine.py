"""Tell whether a host is the machine that a cluster knows as a node: by its machine-id, which the kubelet reports."""

from __future__ import annotations

from migrator.errors import BlockedError
from migrator.ports import Host
from migrator.readiness.hosts import OTHER_MACHINE_HINT, another_machine, same_machine

_FILE = "/etc/machine-id"


def is_machine(host: Host, known: str) -> bool:
    """Return whether a host has this machine-id."""
    return same_machine(_machine_id(host), known)


def require_same_machine(host: Host, known: str) -> None:
    """Raise BlockedError unless a host has this machine-id."""
    found = _machine_id(host)
    if not same_machine(found, known):
        raise BlockedError(f"{host.name} {another_machine(found, known)}; nothing was done to it", hint=OTHER_MACHINE_HINT)


def _machine_id(host: Host) -> str:
    return host.run(f"cat {_FILE} 2>/dev/null; true").strip()
