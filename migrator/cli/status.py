"""`migrator status`."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from migrator.cli import render
from migrator.cli.options import Common, takes
from migrator.errors import MigratorError

if TYPE_CHECKING:
    from migrator.config.schema import Migration
    from migrator.migration.data.loss import Losses
    from migrator.migration.one_side.now import Now
    from migrator.migration.state import State
    from migrator.model.one_side import Part

_WITH_TRAFFIC = frozenset({"cutting over", "on green", "rolled back"})


@click.command("status")
@takes(Common)
def command(common: Common) -> None:
    """Show the state of the migration from its journal, what the load balancer says, and who runs where.

    Clusters are asked only for what may run on one side only, for at most 3 s each.
    """
    from migrator.adapters.clock import SystemClock
    from migrator.config.load import load_migration
    from migrator.journal.file import iter_entries
    from migrator.journal.records.migration import MIGRATION
    from migrator.migration.data.loss import losses
    from migrator.migration.state import fold

    config = load_migration(common.config)
    path = common.inputs.journal(config.name)
    entries = list(iter_entries(path, MIGRATION))
    state = fold(entries)
    now, silence = _traffic(common, config) if state.stage in _WITH_TRAFFIC or state.unknown else (None, "")
    sides, silent = _sides(common, config, state)
    lost, clock_now = tuple(losses(state.data)), SystemClock().now()
    document: dict[str, Any] = {
        "migration": config.name,
        "stage": state.stage.value,
        "greenPercent": state.green_percent,
        "objects": len(state.written),
        "greenPercentNow": now,
        "unknown": list(state.unknown),
        "next": state.next_command or None,
        "unfinished": sorted(str(ref) for ref in state.intended),
        "oneSide": sides,
        "rollbackLoses": [_loss_row(item, clock_now) for item in lost],
        "guards": {where: sorted(rows) for where, rows in sorted(state.sides.guards.items()) if rows},
        "goodVerdictAt": _time(state.good_verdict.here if state.good_verdict else None),
        "onGreenSince": _time(state.on_green.here if state.on_green else None),
        "lastEvent": _time(entries[-1].at) if entries else None,
        "journal": str(path),
    }
    if common.output == "json":
        render.result_json(document)
        return
    render.line(f"{config.name}: {state.stage.value}; {state.green_percent:g} % of traffic on green")
    render.line(f"{len(state.written)} objects on green, last event {document['lastEvent']}")
    if now is not None:
        render.line(f"the load balancer has {now:g} % of traffic on green")
    elif silence:
        render.line(render.word("unknown"), f" what the load balancer does: {silence}")
    for text in state.unknown:
        render.line(render.word("unknown"), f" {text}")
    if state.next_command:
        render.line(f"run `{state.next_command}` to continue")
    _show_sides(sides, silent)
    for item in lost:
        _show_loss(item, clock_now)
    for where, rows in document["guards"].items():
        render.line(f"guard on {where}: nobody else may start {', '.join(rows)} there")
    render.line(f"good verdict: {document['goodVerdictAt'] or 'none since the last copy'}")
    render.line(f"journal: {path}")


def _traffic(common: Common, config: Migration) -> tuple[float | None, str]:
    """Return the share of green that the load balancer has now, or why that is not known."""
    from migrator.wiring.switches import switch_of

    switch = switch_of(config.switches, relative_to=common.config.parent)
    if switch is None:
        return None, ""
    try:
        return switch.read().green_percent, ""
    except MigratorError as error:
        return None, error.message


def _sides(common: Common, config: Migration, state: State) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return who runs where, by the journal and by both clusters, and what these do not tell."""
    parts = {part.blue: part for part in (*state.sides.held, *state.handed.values())}
    now = _asked(common, config, state, parts.values()) if parts and state.stage.value != "retired" else None
    return [
        {
            "object": str(ref),
            "group": part.row,
            "runsOn": state.sides.where(part, going_back=state.going_back),
            "runsOnNow": list(now.running[ref]) if now and not now.silent else None,
            "lastWrittenBy": dict(now.writers[ref]) if now else {},
        }
        for ref, part in sorted(parts.items())
    ], now.silent if now else ()


def _asked(common: Common, config: Migration, state: State, parts: Iterable[Part]) -> Now:
    from migrator.adapters.clock import SystemClock
    from migrator.migration.one_side.now import ask
    from migrator.wiring.migration import both_sides

    with render.Screen(quiet=True) as screen:
        return ask(parts, both_sides(common.inputs, config, screen, state), SystemClock())


def _show_sides(sides: list[dict[str, Any]], silent: tuple[str, ...]) -> None:
    for item in sides:
        render.line(f"{item['object']} ({item['group']}) runs on: {item['runsOn']}")
        now = item["runsOnNow"]
        if now is not None and now != [item["runsOn"]]:
            where = " and ".join(now) if now else "neither side"
            text = f" {item['object']} runs now on {where}: somebody has started or stopped it"
            writers = [f"on {side} by {who}" for side, who in item["lastWrittenBy"].items() if who]
            render.line(render.word("warning"), text + (f" (last written {', '.join(writers)})" if writers else ""))
    for text in silent:
        render.line(render.word("unknown"), f" {text}")


def _loss_row(item: Losses, now: float) -> dict[str, Any]:
    return {
        "claim": item.claim,
        "rollback": item.rollback,
        "withoutGreen": item.without_green,
        "since": _time(item.since),
        "seconds": None if item.since is None else round(max(now - item.since, 0.0), 1),
    }


def _show_loss(item: Losses, now: float) -> None:
    render.line(f"{item.claim}: a rollback loses {item.rollback}; {item.why}")
    if item.since is not None and item.without_green != "nothing":
        render.line(f"    without green: {item.without_green} since {_time(item.since)} ({max(now - item.since, 0.0):.0f} s)")


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")
