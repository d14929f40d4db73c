"""How the result of a rollback is shown; it imports no more than a rollback begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.cli import render

if TYPE_CHECKING:
    from migrator.migration.rollback import RollbackResult


def show(result: RollbackResult, output: str, *, traffic: bool) -> None:
    """Print what was taken back and what was not; `traffic` is whether the migration has any."""
    if output == "json":
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
