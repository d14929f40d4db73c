"""`migrator testbed`: its verbs, each in the module of its name."""

from __future__ import annotations

import click

from migrator.cli.lazy import LazyGroup

_VERBS = {
    "nodes": "Hosts that answer SSH: containers with systemd, pacman and a registry of Kubernetes' images; needs root.",
    "up": "Start the testbed; what runs already stays, what has crashed is cleaned up.",
    "down": "End the testbed and remove all of it.",
    "status": "Tell what runs; exit code 1 when the testbed does not.",
}


@click.group("testbed", cls=LazyGroup, package="migrator.cli.testbed", verbs=_VERBS, groups=frozenset({"nodes"}))
def command() -> None:
    """Two real control planes on loopback: etcd, API server, controllers, scheduler; KWOK plays nodes and pods."""
