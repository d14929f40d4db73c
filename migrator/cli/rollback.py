"""`migrator rollback`; what it imports at its start is bounded, since traffic is on green until then (`wiring/rollback.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from migrator.adapters.signals import SIGNALS
from migrator.cli import render
from migrator.cli.options import Common, takes
from migrator.cli.view import rollback as view
from migrator.errors import ConfigError
from migrator.wiring.rollback import roll_back

if TYPE_CHECKING:
    from migrator.migration.data.home import DataFrom


@click.command("rollback")
@takes(Common)
@click.option(
    "--graceful",
    metavar="DURATION",
    help="Do not end the connections on green: wait up to this long (10m) for them to end by themselves. What is left is listed.",
)
@click.option(
    "--data-from",
    type=click.Choice(["switch", "last-pass"]),
    help="Give up what green has written to volumes: start blue with its data of the switch, or of the last pass back.",
)
def command(common: Common, graceful: str | None, data_from: DataFrom | None) -> None:
    """Move all traffic back to blue in one step, then what runs on one side only; for the traffic no cluster need be reachable.

    Connections that are open on green are ended, unless --graceful gives them time. What green has written to volumes is brought
    to blue and proven before blue's workloads start.

    Exit code 4 when something besides the traffic could not be taken back; running it again finishes.
    """
    from migrator.config.duration import parse_duration

    try:
        limit = None if graceful is None else parse_duration(graceful)
    except ValueError as error:
        raise ConfigError([f"--graceful: {error}"]) from error
    # A signal while all is taken back would leave it in the middle; every part of it has a limit.
    with render.Screen(quiet=common.output == "json") as screen, SIGNALS.held_back():
        result = roll_back(
            common.inputs,
            screen,
            lambda result, traffic: view.show(result, common.output, traffic=traffic),
            graceful=limit,
            data_from=data_from or "",
        )
    if result.undone:
        click.get_current_context().exit(4)
