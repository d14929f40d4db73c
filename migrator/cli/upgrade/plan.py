"""`migrator upgrade plan`."""

from __future__ import annotations

from dataclasses import dataclass

import click

from migrator.cli import render
from migrator.cli.options import takes
from migrator.cli.upgrade.options import Drain, Patches, Target
from migrator.cli.upgrade.where import Where


@dataclass(slots=True, frozen=True)
class Options:
    """The options of this verb."""

    where: Where
    target: Target
    drain: Drain
    patches: Patches


@click.command("plan")
@takes(Options)
def command(options: Options) -> None:
    """Show hops, packages, images, the steps on each node, and every finding; the cluster is not changed.

    kubeadm of the next version is copied to /var/lib/migrator on the hosts to be asked; it is not installed. Exit code 3
    when a finding forbids the upgrade.
    """
    from migrator.cli.upgrade import view
    from migrator.upgrade.plan import plan_upgrade
    from migrator.wiring.upgrade import upgrade_session

    where = options.where
    wanted = options.target.options(options.drain.rules(), with_kubeadm_output=True)
    with (
        render.Screen(quiet=where.output == "json") as screen,
        upgrade_session(where.inputs, screen, patches=options.patches) as session,
    ):
        made = plan_upgrade(session, wanted)
        control_planes = len(session.control_planes)
    view.show_plan(made, control_planes, where.output)
    click.get_current_context().exit(3 if made.blocked else 0)
