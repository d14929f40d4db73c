"""How the result of a cutover is shown."""

from __future__ import annotations

from typing import Any

from migrator.cli import render
from migrator.cli.view import copied
from migrator.migration.leaving import counted
from migrator.migration.verbs.cutover import CutoverResult


def as_document(result: CutoverResult) -> dict[str, Any]:
    """Return the result of a cutover as plain data."""
    known = result.open_on_blue
    return {
        "good": True,
        "pauseMs": {item.row: item.milliseconds for item in result.pauses},
        "copy": copied.as_document(result.copied),
        "handedOver": list(result.handed_over),
        "openOnBlue": None if known is None else sum(known.values()),
        "openOnBlueByServer": None if known is None else dict(known),
        "endedOnBlue": dict(result.ended_on_blue),
        "uncounted": list(result.uncounted),
    }


def show(result: CutoverResult) -> None:
    """Print what a cutover has moved, and what is still open on blue."""
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
