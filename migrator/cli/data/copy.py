"""`migrator data copy`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.data.options import Chosen
from migrator.cli.options import takes


@click.command("copy")
@takes(Chosen)
def command(chosen: Chosen) -> None:
    """Copy volumes to green while blue serves; run again, only what changed. Blue is only read.

    Green's workloads must not use the volumes yet. Exit code 4 when a claim failed.
    """
    from migrator.cli.data import view
    from migrator.migration.data.verbs import copy_data
    from migrator.wiring.migration import session
    from migrator.wiring.volumes import movers

    common = chosen.common
    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        outcomes = copy_data(opened, movers(common.inputs, opened.config), chosen.choice())
    view.show_outcomes(outcomes, common.output, "")
