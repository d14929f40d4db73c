"""`migrator status`."""

from __future__ import annotations

import datetime

import click

from migrator.cli import render
from migrator.cli.options import Common, journal_path, takes


@click.command("status")
@takes(Common)
def command(common: Common) -> None:
    """Show the state of the migration from its journal, without asking a cluster."""
    from migrator.config.load import load_migration
    from migrator.journal.file import iter_entries
    from migrator.journal.records.codec import MIGRATION
    from migrator.migration.state import fold

    config = load_migration(common.config)
    path = journal_path(common, config.name)
    entries = list(iter_entries(path, MIGRATION))
    state = fold(entries)
    document = {
        "migration": config.name,
        "stage": state.stage.value,
        "greenPercent": state.green_percent,
        "objects": len(state.written),
        "unfinished": sorted(str(ref) for ref in state.intended),
        "fencedCronJobs": sorted(str(ref) for ref in state.fenced),
        "goodVerdictAt": _time(state.good_verdict_at),
        "onGreenSince": _time(state.on_green_since),
        "lastEvent": _time(entries[-1].at) if entries else None,
        "journal": str(path),
    }
    if common.output == "json":
        render.result_json(document)
        return
    render.line(f"{config.name}: {state.stage.value}; {state.green_percent:g} % of traffic on green")
    render.line(f"{len(state.written)} objects on green, last event {document['lastEvent']}")
    if state.intended:
        render.line(f"{len(state.intended)} objects were announced and have no outcome: run `migrator copy` to continue")
    if state.fenced:
        render.line(f"suspended on blue by the cutover: {', '.join(sorted(str(ref) for ref in state.fenced))}")
    render.line(f"good verdict: {document['goodVerdictAt'] or 'none since the last copy'}")
    render.line(f"journal: {path}")


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")
