"""`migrator status`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.options import Common, takes


@click.command("status")
@takes(Common)
def command(common: Common) -> None:
    """Show the state of the migration from its journal, what the load balancer says, and who runs where.

    Clusters are asked only for what may run on one side only, for at most 3 s each.
    """
    from migrator.cli.view import standing as view
    from migrator.config.load import load_migration
    from migrator.wiring.standing import standing

    config = load_migration(common.config)
    with render.Screen(quiet=True) as screen:
        found = standing(common.inputs, config, screen)
    document = view.as_document(found, config.name, common.inputs.journal(config.name))
    if common.output == "json":
        render.result_json(document)
    else:
        view.show(found, document)
