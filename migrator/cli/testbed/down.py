"""`migrator testbed down`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.testbed.options import bed_of, state_option


@click.command("down")
@state_option
def command(folder: Path) -> None:
    """End the testbed and remove all of it."""
    there = bed_of(folder).down()
    render.line("the testbed is gone" if there else "there was no testbed")
