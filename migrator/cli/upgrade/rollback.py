"""`migrator upgrade rollback`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.options import takes
from migrator.cli.upgrade.where import Where


@click.command("rollback")
@takes(Where)
def command(where: Where) -> None:
    """Reverse the last hop: etcd from its snapshot, control plane and kubelets as they were before it.

    What was written to the cluster since the snapshot is lost.
    """
    from migrator.cli.upgrade import view
    from migrator.cli.upgrade.wiring import upgrade_session
    from migrator.upgrade import rollback

    screen = render.Screen(quiet=where.output == "json")
    with screen, upgrade_session(where, screen, api_may_be_down=True) as session:
        hop = rollback.rollback_hop(session)
        taken = f"{session.state.id[:4]}-{session.state.id[4:6]}-{session.state.id[6:8]}"
        question = (
            f"Roll {where.name} back from {hop.target} to {hop.start}? "
            f"What was written to the cluster since the snapshot of {taken} is lost."
        )
        render.confirmed(question, yes=where.yes)
        nodes = rollback.roll_back(session)
    view.show_nodes(nodes, where.output, f"back at {hop.start}")
