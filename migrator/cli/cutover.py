"""`migrator cutover`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from migrator.cli import render
from migrator.cli.copy import as_document
from migrator.cli.options import Common, takes
from migrator.errors import ConfigError
from migrator.migration.copy import CopyOptions

if TYPE_CHECKING:
    from migrator.migration.verbs import CutoverResult


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
    from migrator.config.duration import parse_duration
    from migrator.migration.cutover import Consent
    from migrator.migration.leaving import counted
    from migrator.migration.verbs import run_cutover
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
        pauses = {item.row: item.milliseconds for item in result.pauses}
        document = {"good": True, "pauseMs": pauses, "copy": as_document(result.copied), "handedOver": list(result.handed_over)}
        render.result_json(document | _left_on_blue(result))
    else:
        render.line("last copy: ", *render.counts(result.copied.counts))
        render.line(f"handed over to green: {', '.join(result.handed_over) or 'nothing'}")
        for item in result.pauses:
            render.line(f"{item.row}: downtime {item.milliseconds} ms")
        render.line("all traffic is on green; `migrator rollback` moves it back at once")
        if result.ended_on_blue:
            render.line(f"{sum(result.ended_on_blue.values())} connections on blue were ended")
        if result.open_on_blue:
            render.line(f"{counted(dict(result.open_on_blue))} on blue; `migrator retire` needs them to have ended")
        if result.uncounted:
            render.line(f"{', '.join(result.uncounted)}: nobody counts what is still open on blue")


def _left_on_blue(result: CutoverResult) -> dict[str, Any]:
    known = result.open_on_blue
    return {
        "openOnBlue": None if known is None else sum(known.values()),
        "openOnBlueByServer": None if known is None else dict(known),
        "endedOnBlue": dict(result.ended_on_blue),
        "uncounted": list(result.uncounted),
    }
