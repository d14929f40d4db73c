"""`migrator rollback`: the traffic first, before a cluster is asked, or what that takes is imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from migrator.adapters.signals import SIGNALS
from migrator.cli import render
from migrator.cli.options import Common, takes
from migrator.errors import ConfigError, JournalError

if TYPE_CHECKING:
    from migrator.config.schema import Migration
    from migrator.config.traffic import SwitchConfig
    from migrator.migration.data.home import DataFrom
    from migrator.migration.rollback import RollbackResult
    from migrator.migration.traffic_back import TrafficMoved


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
        moved = _traffic_first(common, screen, limit)
        config = _rest_of_the_file(common, moved, screen)
        if moved is None:
            moved = _move_traffic(common, config.name, config.switches, screen, limit)
        result = _finish(moved, common, config, screen, data_from or "")
    if result.undone:
        click.get_current_context().exit(4)


def _traffic_first(common: Common, screen: render.Screen, graceful: float | None) -> TrafficMoved | None:
    """Move the traffic where the file tells how, whatever else is wrong in it; return None where it does not tell."""
    from migrator.config.way_back import load_way_back

    try:
        found = load_way_back(common.config)
    except ConfigError:
        return None
    return _move_traffic(common, found.name, found.switches, screen, graceful) if found.switches else None


def _rest_of_the_file(common: Common, moved: TrafficMoved | None, screen: render.Screen) -> Migration:
    """Return the whole file; where it has mistakes and the traffic has moved all the same, say so and exit with 4."""
    from migrator.config.load import load_migration

    try:
        return load_migration(common.config)
    except ConfigError as error:
        if moved is None:
            raise
        _show_traffic_alone(common, error, moved, screen)
        click.get_current_context().exit(4)


def _show_traffic_alone(common: Common, error: ConfigError, moved: TrafficMoved, screen: render.Screen) -> None:
    from migrator.migration.leaving import counted
    from migrator.migration.rollback import RollbackResult
    from migrator.model.events import Note

    ended, still_open = moved.connections
    if ended:
        screen.emit(Note(f"{counted(ended)} on green were ended", warning=True))
    undone = [f"what runs on green only: {issue}" for issue in error.issues]
    if still_open:
        undone.append(f"{counted(still_open)} on green were neither waited for nor ended")
    _show(RollbackResult(moved.seconds, (), tuple(undone), ended, still_open), common, traffic=True)


def _move_traffic(
    common: Common, name: str, switches: Sequence[SwitchConfig], screen: render.Screen, graceful: float | None
) -> TrafficMoved:
    from migrator.wiring.switches import switch_of

    # Logins on hosts take longest: they begin before the rest is imported and read.
    switch = switch_of(switches, relative_to=common.config.parent, at_once=True)
    from migrator.adapters.clock import process_age
    from migrator.journal.file import iter_entries
    from migrator.journal.records.decisive import DECISIVE, DECISIVE_WORDS
    from migrator.migration.traffic_back import move_traffic

    path = common.inputs.journal(name)
    entries = (
        entry
        for word in DECISIVE_WORDS
        for entry in iter_entries(path, DECISIVE, mentions=f'"event":"{word}"', damaged=lambda _: None)
    )
    return move_traffic(name, entries, switch, screen, process_age, graceful=graceful)


def _finish(moved: TrafficMoved, common: Common, config: Migration, screen: render.Screen, data_from: DataFrom) -> RollbackResult:
    from migrator.migration.rollback import RollbackResult, after, finish
    from migrator.wiring.migration import way_back

    try:
        with way_back(common.inputs, config, screen, data_from) as (run, back, runner):
            result = finish(moved, back, run=run)
            _show(result, common, traffic=config.traffic is not None)
            with SIGNALS.let_through():
                after(config.hooks, runner, run)
    except JournalError as error:
        undone = (f"the journal does not tell what runs on green only: {error.message}",)
        ended, still_open = moved.connections
        result = RollbackResult(moved.seconds, (), undone, ended, still_open)
        _show(result, common, traffic=config.traffic is not None)
    return result


def _show(result: RollbackResult, common: Common, *, traffic: bool) -> None:
    if common.output == "json":
        render.result_json(
            {
                "trafficSeconds": result.traffic_seconds,
                "handedBack": list(result.handed_back),
                "connectionsEnded": result.ended,
                "connectionsLeft": result.still_open,
                "undone": list(result.undone),
            }
        )
        return
    if traffic:
        render.line(f"all traffic is on blue, after {result.traffic_seconds * 1000:.0f} ms")
    if result.handed_back:
        render.line(f"handed back to blue: {', '.join(result.handed_back)}")
    if not (traffic or result.handed_back or result.undone):
        render.line("nothing of this migration was on green only: blue is as it was")
    for text in result.undone:
        render.line(render.word("warning"), f" {text}")
    if result.undone:
        render.line("run `migrator rollback` again when that is fixed: it finishes what is left")
