"""The view of a cutover's step on a terminal: both sides in a small table."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from migrator.model.events import SideSeen, Watched
from migrator.untrusted import printable


def view(event: Watched) -> Table:
    """Return the table; what nobody counts is not in it."""
    head = f"{event.percent:g} % on green, {event.done} of {event.total} s"
    title = Text(head if not event.waits_for else f"{head}; the gate waits for {printable(event.waits_for)}")
    table = Table(title=title, title_justify="left", title_style="")
    columns = ("", "share", "requests", "per second", "errors", "response time", "open")
    if not event.sides:
        table.add_column("judged by probes: nobody counts the requests")
        return table
    for name in columns:
        table.add_column(name, justify="right" if name else "left")
    for side in event.sides:
        table.add_row(Text(side.name, style=side.name), *_cells(side))
    return table


def _cells(side: SideSeen) -> tuple[str, ...]:
    times = f"{side.latency_ms:.0f} ms" if side.requests else "-"
    rate = f"{side.errors:.1%}" if side.requests else "-"
    return (f"{side.share:g} %", f"{side.requests:,}", f"{side.per_second:.0f}", rate, times, str(side.sessions))
