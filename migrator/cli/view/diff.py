"""How the difference that a copy would make on green is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from migrator.cli import render
from migrator.migration.diff import ObjectDiff


def as_document(entries: Sequence[ObjectDiff]) -> list[dict[str, Any]]:
    """Return the differences as plain data."""
    return [
        {
            "object": str(entry.ref),
            "action": entry.action,
            "message": entry.message,
            "fields": [{"path": item.path, "green": item.live, "wanted": item.wanted} for item in entry.differences],
        }
        for entry in entries
    ]


def show(entries: Sequence[ObjectDiff], *, full: bool) -> None:
    """Print what would change; `full` shows the fields of new objects, too."""
    for entry in entries:
        if entry.action == "unchanged":
            continue
        render.line(render.word(entry.action), f" {entry.ref}" + (f"  ({entry.message})" if entry.message else ""))
        if entry.action != "create" or full:
            for item in entry.differences:
                render.line(f"    {render.difference(item)}")
    render.line()
    render.line(*render.counts(Counter(entry.action for entry in entries)))
