"""`migrator upgrade status`."""

from __future__ import annotations

import click

from migrator.cli.options import takes
from migrator.cli.upgrade.where import Where


@click.command("status")
@takes(Where)
def command(where: Where) -> None:
    """Show where an upgrade stands, from its journal alone."""
    from migrator.cli.upgrade import view
    from migrator.wiring.upgrade import read_state

    view.show_state(read_state(where.inputs), where.output)
