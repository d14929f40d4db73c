"""`migrator data clean`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.data.options import Chosen
from migrator.cli.options import takes


@click.command("clean")
@takes(Chosen)
def command(chosen: Chosen) -> None:
    """End passes that still run, and remove keys, servers, lists and what `back` has kept on hosts; volumes stay as they are.

    The next copy of such a claim begins anew, and then wants --accept-deletions, since green's volume is not empty.
    """
    from migrator.migration.data.verbs import clean_data
    from migrator.wiring.migration import session
    from migrator.wiring.volumes import movers

    common = chosen.common
    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        render.confirmed("Remove what is kept on hosts? Passes that run are ended.", yes=common.yes)
        cleaned = clean_data(opened, movers(common.inputs, opened.config), chosen.choice())
    if common.output == "json":
        render.result_json(cleaned)
    else:
        for name in cleaned:
            render.line(f"cleaned: {name}")
