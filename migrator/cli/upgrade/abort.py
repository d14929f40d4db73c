"""`migrator upgrade abort`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.options import takes
from migrator.cli.upgrade.where import Where


@click.command("abort")
@takes(Where)
def command(where: Where) -> None:
    """End an upgrade where it is: uncordon the nodes that it has cordoned, and show the version of each node."""
    from migrator.cli.upgrade import view
    from migrator.cli.upgrade.wiring import upgrade_session
    from migrator.upgrade import verbs

    with render.Screen(quiet=where.output == "json") as screen, upgrade_session(where, screen) as session:
        nodes = verbs.abort(session)
    view.show_nodes(nodes, where.output, "aborted; a cluster of mixed versions works within the skew policy")
