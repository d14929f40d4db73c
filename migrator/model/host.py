"""What one look at a host tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class HostFacts:
    """A host's resources and programs; sizes in MiB, 0 where the host does not tell."""

    architecture: str = ""
    hostname: str = ""
    machine_id: str = ""
    memory: int = 0
    disk: int = 0
    """Free below /var/lib."""
    etcd: int = 0
    """Size of etcd's data."""
    cgroup: int = 0
    """Version of cgroups: 1 or 2."""
    pacman: bool = False
    systemd: bool = False
    overlay: bool = False
    """Whether the kernel has the overlay file system."""
    br_netfilter: bool = False
    ports: frozenset[int] = frozenset()
    """TCP ports that something listens on."""
    marked: bool = False
    """Whether this tool has begun to make a node of it."""
    skew: float = 0.0
    """Seconds that its clock differs from this machine's."""
