"""`migrator data finish`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.data.options import Chosen
from migrator.cli.options import takes


@click.command("finish")
@takes(Chosen)
def command(chosen: Chosen) -> None:
    """Bring the last difference, and prove that both sides are equal; the workload must stand still on both.

    Scale it to 0 on blue first; start it on green afterwards, or on blue again if this fails. Exit code 4 when a claim failed.
    """
    from migrator.cli.data import view
    from migrator.migration.data.verbs import finish_data
    from migrator.wiring.migration import session
    from migrator.wiring.volumes import movers

    common = chosen.common
    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        outcomes = finish_data(opened, movers(common.inputs, opened.config), chosen.choice())
    view.show_outcomes(outcomes, common.output, "blue and green are equal")
