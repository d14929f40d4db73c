"""`migrator cutover`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.options import Common, takes
from migrator.errors import ConfigError


@click.command("cutover")
@takes(Common)
@click.option(
    "--wait",
    metavar="DURATION",
    help="Wait at the end up to this long (10m) for the connections on blue to end by themselves.",
)
@click.option(
    "--end-connections", is_flag=True, help="Then end the connections that are open on blue. Without it, their number is shown."
)
def command(common: Common, wait: str | None, end_connections: bool) -> None:  # noqa: FBT001
    """Move traffic to green in steps; needs a good verdict, and moves all traffic back when a gate fails.

    Exit code 3 when it is not allowed or a gate failed; traffic is then on blue.
    """
    from migrator.cli.view import cutover as view
    from migrator.config.duration import parse_duration
    from migrator.migration.copy import CopyOptions
    from migrator.migration.cutover import Consent
    from migrator.migration.verbs.cutover import run_cutover
    from migrator.wiring.migration import session

    try:
        consent = Consent(parse_duration(wait) if wait else 0.0, end_connections)
    except ValueError as error:
        raise ConfigError([f"--wait: {error}"]) from error
    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        render.confirmed(f"Move the traffic of {opened.config.name} to green?", yes=common.yes)
        options = CopyOptions(backend_timeout=opened.config.gates.backend_timeout.total_seconds())
        result = run_cutover(opened, options, consent)
    if common.output == "json":
        render.result_json(view.as_document(result))
    else:
        view.show(result)
