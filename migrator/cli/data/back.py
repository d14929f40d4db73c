"""`migrator data back`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.data.options import Chosen
from migrator.cli.options import takes


@click.command("back")
@takes(Chosen)
def command(chosen: Chosen) -> None:
    """Copy to blue what green has written since, and prove it; the workload must stand still on both.

    What is overwritten or deleted on blue is kept on its host until `migrator data clean`. Exit code 4 when a claim failed.
    """
    from migrator.cli.data import view
    from migrator.migration.data.verbs import bring_back
    from migrator.wiring.migration import session
    from migrator.wiring.volumes import movers

    common = chosen.common
    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        outcomes = bring_back(opened, movers(common.inputs, opened.config), chosen.choice())
    view.show_outcomes(outcomes, common.output, "green and blue are equal")
