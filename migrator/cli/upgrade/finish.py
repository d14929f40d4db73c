"""`migrator upgrade finish`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated

import click

from migrator.cli import render
from migrator.cli.options import takes
from migrator.cli.upgrade.options import Execution
from migrator.cli.upgrade.where import Where


@dataclass(slots=True, frozen=True)
class Options:
    """The options of this verb."""

    where: Where
    execution: Execution
    ignore: Annotated[
        tuple[str, ...],
        click.option(
            "--ignore",
            multiple=True,
            type=click.Choice(["removed-apis", "skew"]),
            help="Continue although clients use what the new minor has removed, or something newer than the old one is in use.",
        ),
    ]


@click.command("finish")
@takes(Options)
def command(options: Options) -> None:
    """Raise a control plane that emulates the old minor, and go on with the kubelets.

    Until then `rollback` loses nothing; from then on it goes back to the snapshot. Exit code 3 when something forbids it.
    """
    from migrator.cli.upgrade import view
    from migrator.upgrade.verbs import require_open_window, run_upgrade
    from migrator.upgrade.window import after_finish
    from migrator.wiring.upgrade import RESUME_PATIENCE, upgrade_session

    where = options.where
    execution = dataclasses.replace(options.execution.options(), finish=True, ignored=frozenset(options.ignore))
    screen = render.Screen(quiet=where.output == "json")
    with (
        screen,
        upgrade_session(where.inputs, screen, patches=options.execution.patches, patience=RESUME_PATIENCE, begun=True) as session,
    ):
        view.require_nodes(execution, session)
        hop = require_open_window(session)
        loss = f"From then on {after_finish(session.state.id)}."
        render.confirmed(f"Raise {where.name} from {hop.emulated}, which it emulates, to {hop.target}? {loss}", yes=where.yes)
        with session.cluster.lock(session.holder, session.reporter) as session.lock:
            result = run_upgrade(session, execution)
    view.show_result(result, where)
