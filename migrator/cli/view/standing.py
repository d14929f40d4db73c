"""How the state of a migration is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from migrator.cli import render
from migrator.migration.data.loss import Losses
from migrator.migration.standing import Standing


def as_document(found: Standing, name: str, journal: Path) -> dict[str, Any]:
    """Return where the migration of this name stands, as plain data."""
    state = found.state
    return {
        "migration": name,
        "stage": state.stage.value,
        "greenPercent": state.green_percent,
        "objects": len(state.written),
        "greenPercentNow": found.percent_now,
        "unknown": list(state.unknown),
        "next": state.next_command or None,
        "unfinished": sorted(str(ref) for ref in state.intended),
        "oneSide": _sides(found),
        "rollbackLoses": [_loss(item, found.at) for item in found.losses],
        "guards": {where: sorted(rows) for where, rows in sorted(state.sides.guards.items()) if rows},
        "goodVerdictAt": _moment(state.good_verdict.here if state.good_verdict else None),
        "onGreenSince": _moment(state.on_green.here if state.on_green else None),
        "lastEvent": _moment(found.last_event),
        "journal": str(journal),
    }


def show(found: Standing, document: dict[str, Any]) -> None:
    """Print where a migration stands; `document` is the same as plain data."""
    state = found.state
    render.line(f"{document['migration']}: {state.stage.value}; {state.green_percent:g} % of traffic on green")
    render.line(f"{len(state.written)} objects on green, last event {document['lastEvent']}")
    if found.percent_now is not None:
        render.line(f"the load balancer has {found.percent_now:g} % of traffic on green")
    elif found.silence:
        render.line(render.word("unknown"), f" what the load balancer does: {found.silence}")
    for text in state.unknown:
        render.line(render.word("unknown"), f" {text}")
    if state.next_command:
        render.line(f"run `{state.next_command}` to continue")
    _show_sides(document["oneSide"], found.now.silent if found.now else ())
    for item in found.losses:
        _show_loss(item, found.at)
    for where, rows in document["guards"].items():
        render.line(f"guard on {where}: nobody else may start {', '.join(rows)} there")
    render.line(f"good verdict: {document['goodVerdictAt'] or 'none since the last copy'}")
    render.line(f"journal: {document['journal']}")


def _sides(found: Standing) -> list[dict[str, Any]]:
    """Return who runs where, by the journal and by both clusters."""
    state, now = found.state, found.now
    return [
        {
            "object": str(ref),
            "group": part.row,
            "runsOn": state.sides.where(part, going_back=state.going_back),
            "runsOnNow": list(now.running[ref]) if now and not now.silent else None,
            "lastWrittenBy": dict(now.writers[ref]) if now else {},
        }
        for ref, part in found.parts.items()
    ]


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


def _loss(item: Losses, now: float) -> dict[str, Any]:
    return {
        "claim": item.claim,
        "rollback": item.rollback,
        "withoutGreen": item.without_green,
        "since": _moment(item.since),
        "seconds": None if item.since is None else round(max(now - item.since, 0.0), 1),
    }


def _show_loss(item: Losses, now: float) -> None:
    render.line(f"{item.claim}: a rollback loses {item.rollback}; {item.why}")
    if item.since is not None and item.without_green != "nothing":
        since = f"since {render.moment(item.since)} ({max(now - item.since, 0.0):.0f} s)"
        render.line(f"    without green: {item.without_green} {since}")


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else render.moment(seconds)
