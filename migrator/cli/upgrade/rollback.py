"""`migrator upgrade rollback`."""

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


@click.command("rollback")
@takes(Options)
def command(options: Options) -> None:
    """Reverse the last hop: etcd from its snapshot, control plane and kubelets as they were before it.

    What was written to the cluster since the snapshot is lost. Exit code 4 when workers could not be taken back: run again
    once they answer, it goes on with them.
    """
    from migrator.cli.upgrade import view
    from migrator.cli.upgrade.wiring import upgrade_session
    from migrator.upgrade import rollback

    where = options.where
    screen = render.Screen(quiet=where.output == "json")
    with screen, upgrade_session(where, screen, api_may_be_down=True) as session:
        hop = rollback.rollback_hop(session)
        taken = f"{session.state.id[:4]}-{session.state.id[4:6]}-{session.state.id[6:8]}"
        question = (
            f"Roll {where.name} back from {hop.target} to {hop.start}? "
            f"What was written to the cluster since the snapshot of {taken} is lost."
        )
        render.confirmed(question, yes=where.yes)
        result = rollback.roll_back(session, end_running=options.end_running)
    view.show_rollback(result, where.output, f"back at {hop.start}")
