"""`migrator packages`: its verbs, each in the module of its name."""

from __future__ import annotations

import click

from migrator.cli.lazy import LazyGroup

_VERBS = {
    "plan": "Show what this machine has, what a build will do to it for the time of the build, and how long it may take.",
    "build": "Build packages with makepkg, as a user without privileges; what is done to this machine is undone again.",
    "publish": "Make a pacman repository of the packages, for nodes to get over HTTP or SSH.",
}


@click.group("packages", cls=LazyGroup, package="migrator.cli.packages", verbs=_VERBS)
def command() -> None:
    """Packages of Kubernetes and CRI-O for Arch Linux and Arch Linux ARM, built on machines of your own."""
