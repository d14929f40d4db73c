"""`migrator packages plan`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli.options import output_option
from migrator.cli.packages.options import work_option


@click.command("plan")
@work_option
@output_option
def command(work: Path, output: str) -> None:
    """Show what this machine has, what a build will do to it for the time of the build, and how long it may take."""
    from migrator.cli.packages import view
    from migrator.packages.host import estimate, prepare, read_host
    from migrator.packages.ordered import require_room
    from migrator.packages.place import state_folder

    host = read_host(work)
    preparation = prepare(host)
    view.show_plan(host, preparation, estimate(preparation.jobs, state_folder(work)), work, output)
    require_room(preparation)
