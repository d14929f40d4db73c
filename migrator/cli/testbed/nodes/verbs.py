"""`migrator testbed nodes`: its verbs, each in the module of its name."""

from __future__ import annotations

import click

from migrator.cli.lazy import LazyGroup

_VERBS = {
    "up": "Boot nodes; what runs already stays, what crashed is booted again.",
    "down": "End all nodes of a set and remove everything of them.",
    "status": "Tell what runs and what is faked; exit code 1 when not all nodes run.",
    "ssh": "Log in to a node, or run a command there.",
    "stack": "Print the settings of a stack on these nodes, for stacks/Pulumi.NAME.yaml.",
}


@click.group("nodes", cls=LazyGroup, package="migrator.cli.testbed.nodes", verbs=_VERBS)
def command() -> None:
    """Hosts that answer SSH: containers with systemd, pacman and a registry of Kubernetes' images; needs root."""
