"""Which set of nodes a verb is about."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.testbed.options import folder_option
from migrator.testbed.binaries import Store
from migrator.testbed.machines.lab import Lab
from migrator.testbed.planes.pair import default_cache

name_option = click.option("--name", default="blue", show_default=True, help="Name of this set of nodes.")
state_option = folder_option(".migrator/nodes")


def lab_of(folder: Path, name: str, emulate: str = "") -> Lab:
    """Return the set of nodes of a name; `emulate` is the architecture of whole emulated machines."""
    return Lab((folder / name).absolute(), name, Store(default_cache(), render.step), render.step, emulate=emulate)
