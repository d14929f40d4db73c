"""How the result of a copy is shown, also of the last one that a cutover makes."""

from __future__ import annotations

from typing import Any

from migrator.cli import render
from migrator.migration.copy import CopyResult


def show(result: CopyResult) -> None:
    """Print the result of a copy."""
    for outcome in result.problems:
        render.line(render.word(outcome.action.value), f" {outcome.ref}: {outcome.message}")
        for item in outcome.differences:
            render.line(f"    {render.difference(item)}")
    for blocked in result.blocked:
        render.line(render.word("blocked"), f" {blocked.blue}: {blocked.reason}")
        render.line(f"    hint: {blocked.hint}")
    for text in result.unreadable:
        render.line(render.word("blocked"), f" {text}")
    for claim in result.data_left:
        render.line(
            render.word("warning"),
            f" claim {claim}: its data is not copied yet; validate fails until `migrator data finish` has proven it, "
            "or volumes.dataMoved names it",
        )
    render.line(*render.counts(result.counts))


def as_document(result: CopyResult) -> dict[str, Any]:
    """Return a copy's result as plain data."""
    return {
        "complete": result.complete,
        "counts": dict(result.counts),
        "problems": [
            {
                "object": str(item.ref),
                "action": item.action.value,
                "message": item.message,
                "fields": [{"path": field.path, "green": field.live, "wanted": field.wanted} for field in item.differences],
            }
            for item in result.problems
        ],
        "blocked": [{"object": str(item.blue), "reason": item.reason, "cure": item.hint} for item in result.blocked],
        "goneFromBlue": [str(ref) for ref in result.gone],
        "dataLeft": result.data_left,
        "unreadable": result.unreadable,
    }
