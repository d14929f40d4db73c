"""`migrator rollback`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.options import Common, takes


@click.command("rollback")
@takes(Common)
def command(common: Common) -> None:
    """Move all traffic back to blue in one step; green need not be healthy, nor reachable.

    Exit code 4 when a CronJob could not be handed back.
    """
    from migrator.cli.wiring import session
    from migrator.migration.verbs import run_rollback

    with render.Screen(quiet=common.output == "json") as screen, session(common, screen, bind_green=False) as opened:
        result = run_rollback(opened)
    if common.output == "json":
        render.result_json(
            {"trafficSeconds": result.traffic_seconds, "cronjobs": list(result.cronjobs), "undone": list(result.undone)}
        )
    else:
        render.line(f"all traffic is on blue, after {result.traffic_seconds * 1000:.0f} ms")
        if result.cronjobs:
            render.line(f"CronJobs back on blue: {', '.join(result.cronjobs)}")
        for text in result.undone:
            render.line(render.word("warning"), f" {text}; run `migrator rollback` again when it answers")
    click.get_current_context().exit(4 if result.undone else 0)
