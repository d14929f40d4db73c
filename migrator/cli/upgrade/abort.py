"""`migrator upgrade abort`."""

from __future__ import annotations

from dataclasses import dataclass

import click

from migrator.cli import render
from migrator.cli.options import takes
from migrator.cli.upgrade.options import EndRunning
from migrator.cli.upgrade.where import Where


@dataclass(slots=True, frozen=True)
class Options:
    """The options of this verb."""

    where: Where
    end_running: EndRunning


@click.command("abort")
@takes(Options)
def command(options: Options) -> None:
    """End an upgrade where it is: uncordon the nodes that it has cordoned, and show the version of each node.

    What it has started on hosts and what still runs there is waited for before.
    """
    from migrator.cli.upgrade import view
    from migrator.upgrade import verbs
    from migrator.wiring.upgrade import upgrade_session

    where = options.where
    with render.Screen(quiet=where.output == "json") as screen, upgrade_session(where.inputs, screen, begun=True) as session:
        nodes = verbs.abort(session, end_running=options.end_running)
    view.show_nodes(nodes, where.output, "aborted; a cluster of mixed versions works within the skew policy")
