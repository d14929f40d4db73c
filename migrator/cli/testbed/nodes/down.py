"""`migrator testbed nodes down`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.testbed.nodes.options import lab_of, name_option, state_option


@click.command("down")
@name_option
@state_option
def command(name: str, folder: Path) -> None:
    """End all nodes of a set and remove everything of them."""
    there = lab_of(folder, name).down()
    render.line(f"the nodes of {name} are gone" if there else f"there were no nodes of {name}")
