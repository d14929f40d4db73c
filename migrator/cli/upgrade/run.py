"""`migrator upgrade run`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import click

from migrator.cli import render
from migrator.cli.options import takes
from migrator.cli.upgrade.options import Execution, Target
from migrator.cli.upgrade.where import Where


@dataclass(slots=True, frozen=True)
class Options:
    """The options of this verb."""

    where: Where
    target: Target
    execution: Execution


@click.command("run")
@takes(Options)
def command(options: Options) -> None:
    """Upgrade the cluster; after an interruption `resume` continues.

    The new control plane emulates the old minor first: with --soak for a while, with --hold until `finish`. Until then a
    rollback loses nothing. Exit code 3 when a finding or a gate forbids it, 4 when nodes were left out.
    """
    from migrator.cli.upgrade import view
    from migrator.upgrade.plan import plan_upgrade, require_plan
    from migrator.upgrade.rollback import note_cannot_be_undone
    from migrator.upgrade.verbs import begin, run_upgrade
    from migrator.wiring.upgrade import upgrade_session

    where = options.where
    execution = dataclasses.replace(options.execution.options(), ignored=frozenset(options.target.ignore))
    wanted = options.target.options(execution.drain)
    screen = render.Screen(quiet=where.output == "json")
    with screen, upgrade_session(where.inputs, screen, patches=options.execution.patches) as session:
        view.require_nodes(execution, session)
        made = plan_upgrade(session, wanted)
        require_plan(made)
        if not made.hops:
            view.show_nothing_to_do(made, where.output)
            return
        view.show_brief(made, screen)
        note_cannot_be_undone(session, made.hops)
        render.confirmed(f"Upgrade {where.name} from {made.current} to {made.target}?", yes=where.yes)
        with session.cluster.lock(session.holder, session.reporter) as session.lock:
            begin(session, made, wanted.workers, wanted.soak)
            result = run_upgrade(session, execution)
    view.show_result(result, where)
