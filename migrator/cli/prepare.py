"""`migrator prepare`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.options import Common, takes


@click.command("prepare")
@takes(Common)
def command(common: Common) -> None:
    """Shorten how long clients may stay behind after a cutover, such as the TTL of a name; do it some time before.

    No traffic moves. A load balancer needs no preparation.
    """
    from migrator.migration.verbs.prepare import run_prepare
    from migrator.wiring.migration import session

    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        done = run_prepare(opened)
    ready = render.moment(done.ready_at)
    if common.output == "json":
        render.result_json({"staleSeconds": done.stale_seconds, "readyAt": ready})
    elif done.stale_seconds:
        render.line(f"from {ready} on, clients stay behind for at most {done.stale_seconds:g} s; cut over after that")
    else:
        render.line("clients go where a change leads them at once: there is nothing to prepare")
