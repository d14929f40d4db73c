"""The view of a cutover's step on a terminal: both sides in a small table."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table
from rich.text import Text

from migrator.model.events import SideSeen, Watched
from migrator.untrusted import printable

_COLUMNS = ("", "share", "requests", "per s", "errors", "time", "open")


def view(event: Watched) -> Group:
    """Return the step in a line, and the table; what nobody counts is not in it."""
    head = f"{event.percent:g} % on green, {event.done} of {event.total} s"
    line = Text(head if not event.waits_for else f"{head}; the gate waits for {printable(event.waits_for)}")
    if not event.sides:
        return Group(line, Text("judged by probes: there are no request counters"))
    table = Table(box=SIMPLE, pad_edge=False, padding=0)
    for name in _COLUMNS:
        # No number loses its last digits where the terminal is narrow: they tell nothing then.
        table.add_column(name, justify="right" if name else "left", overflow="fold")
    for side in event.sides:
        table.add_row(Text(side.name, style=side.name), *_cells(side))
    return Group(line, table)


def _cells(side: SideSeen) -> tuple[str, ...]:
    times = f"{side.latency_ms:.0f} ms" if side.requests else "-"
    rate = f"{side.errors:.1%}" if side.requests else "-"
    return (f"{side.share:g} %", f"{side.requests:,}", f"{side.per_second:,.0f}", rate, times, f"{side.sessions:,}")
