"""`migrator cutover`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.copy import as_document
from migrator.cli.options import Common, takes
from migrator.migration.copy import CopyOptions


@click.command("cutover")
@takes(Common)
def command(common: Common) -> None:
    """Move traffic to green in steps; needs a good verdict, and moves all traffic back when a gate fails.

    Exit code 3 when it is not allowed or a gate failed; traffic is then on blue.
    """
    from migrator.cli.wiring import session
    from migrator.migration.verbs import run_cutover

    with render.Screen(quiet=common.output == "json") as screen, session(common, screen) as opened:
        render.confirmed(f"Move the traffic of {opened.config.name} to green?", yes=common.yes)
        result = run_cutover(opened, CopyOptions(backend_timeout=opened.config.gates.backend_timeout.total_seconds()))
    if common.output == "json":
        document = {"good": True, "copy": as_document(result.copied), "handedOver": list(result.handed_over)}
        render.result_json(document | {"openOnBlue": result.open_on_blue})
    else:
        render.line("last copy: ", *render.counts(result.copied.counts))
        render.line(f"handed over to green: {', '.join(result.handed_over) or 'nothing'}")
        render.line("all traffic is on green; `migrator rollback` moves it back at once")
        if result.open_on_blue:
            render.line(f"{result.open_on_blue} connections are still open on blue; `migrator retire` needs them to have ended")
