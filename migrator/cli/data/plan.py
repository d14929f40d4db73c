"""`migrator data plan`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.options import Common, takes


@click.command("plan")
@takes(Common)
@click.option("--sizes/--no-sizes", default=True, show_default=True, help="Whether the folders on blue's hosts are looked at.")
def command(common: Common, sizes: bool) -> None:  # noqa: FBT001
    """Show which way the data of each claim takes; clusters and volumes are only read.

    To look at a folder, a program of 20 KB is put into /var/lib/migrator on its host.
    """
    from migrator.cli.data import view
    from migrator.migration.data.verbs import plan_data, surveyed
    from migrator.wiring.migration import session
    from migrator.wiring.volumes import movers

    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        plans = plan_data(opened)
        found = surveyed(opened, movers(common.inputs, opened.config), plans) if sizes and opened.config.volumes.hosts else {}
        known = opened.run.state.data
    view.show_plan(plans, found, known, common.output, relayed=opened.config.volumes.relay)
