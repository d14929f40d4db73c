"""`migrator testbed nodes status`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli.options import output_option
from migrator.cli.testbed import view
from migrator.cli.testbed.nodes.options import lab_of, name_option, state_option


@click.command("status")
@name_option
@state_option
@output_option
def command(name: str, folder: Path, output: str) -> None:
    """Tell what runs and what is faked; exit code 1 when not all nodes run."""
    lab = lab_of(folder, name)
    found = lab.status()
    view.show_nodes(lab, found, output)
    click.get_current_context().exit(0 if found.running else 1)
