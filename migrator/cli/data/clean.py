"""`migrator data clean`."""

from __future__ import annotations

from dataclasses import dataclass

import click

from migrator.cli import render
from migrator.cli.data.options import Claims
from migrator.cli.options import Common, takes


@dataclass(slots=True, frozen=True)
class Options:
    """The options of this verb."""

    common: Common
    claim: Claims


@click.command("clean")
@takes(Options)
def command(options: Options) -> None:
    """End passes that still run, and remove keys, servers, lists and what `back` has kept on hosts; volumes stay as they are.

    The next copy of such a claim begins anew, and then wants --accept-deletions, since green's volume is not empty.
    """
    from migrator.migration.data.verbs import Choice, clean_data
    from migrator.wiring.migration import session
    from migrator.wiring.volumes import movers

    common = options.common
    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        render.confirmed("Remove what is kept on hosts? Passes that run are ended.", yes=common.yes)
        cleaned = clean_data(opened, movers(common.inputs, opened.config), Choice(options.claim))
    if common.output == "json":
        render.result_json(cleaned)
    else:
        for name in cleaned:
            render.line(f"cleaned: {name}")
