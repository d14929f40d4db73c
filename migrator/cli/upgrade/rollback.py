"""`migrator upgrade rollback`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

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
    from_snapshot: Annotated[
        bool,
        click.option("--from-snapshot", is_flag=True, help="Restore etcd from the snapshot, also where nothing had to be lost."),
    ]


@click.command("rollback")
@takes(Options)
def command(options: Options) -> None:
    """Reverse the last hop.

    While the control plane emulates the old minor, the old one goes on with the same etcd: nothing is lost. After `finish` etcd
    is restored from its snapshot: what was written since then is lost. Exit code 4 when workers could not be taken back: run
    again once they answer, it goes on with them.
    """
    from migrator.cli.upgrade import view
    from migrator.upgrade import rollback
    from migrator.wiring.upgrade import upgrade_session

    where = options.where
    screen = render.Screen(quiet=where.output == "json")
    with screen, upgrade_session(where.inputs, screen, api_may_be_down=True, begun=True) as session:
        hop = rollback.rollback_hop(session, from_snapshot=options.from_snapshot)
        lossless = session.state.in_window(hop) and not options.from_snapshot
        taken = f"{session.state.id[:4]}-{session.state.id[4:6]}-{session.state.id[6:8]}"
        lost = "Nothing is lost: the old control plane goes on with the same etcd."
        if not lossless:
            lost = f"What was written to the cluster since the snapshot of {taken} is lost."
        render.confirmed(f"Roll {where.name} back from {hop.target} to {hop.start}? {lost}", yes=where.yes)
        result = rollback.roll_back(session, end_running=options.end_running, from_snapshot=options.from_snapshot)
    view.show_rollback(result, where.output, f"back at {hop.start}" + ("; nothing was lost" if lossless else ""))
