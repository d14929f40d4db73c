"""`migrator testbed status`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli.options import output_option
from migrator.cli.testbed import view
from migrator.cli.testbed.options import bed_of, state_option


@click.command("status")
@state_option
@output_option
def command(folder: Path, output: str) -> None:
    """Tell what runs; exit code 1 when the testbed does not."""
    found = bed_of(folder).status()
    view.show_status(found, output)
    click.get_current_context().exit(0 if found.running else 1)
