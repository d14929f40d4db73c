"""`migrator upgrade resume`."""

from __future__ import annotations

from dataclasses import dataclass

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


@click.command("resume")
@takes(Options)
def command(options: Options) -> None:
    """Continue an upgrade that was interrupted, paused or stopped by a gate."""
    from migrator.cli.upgrade import view
    from migrator.upgrade.verbs import run_upgrade
    from migrator.wiring.upgrade import RESUME_PATIENCE, upgrade_session

    where, execution = options.where, options.execution.options()
    screen = render.Screen(quiet=where.output == "json")
    with (
        screen,
        upgrade_session(where.inputs, screen, patches=options.execution.patches, patience=RESUME_PATIENCE, begun=True) as session,
    ):
        view.require_nodes(execution, session)
        with session.cluster.lock(session.holder, session.reporter) as session.lock:
            result = run_upgrade(session, execution)
    view.show_result(result, where)
