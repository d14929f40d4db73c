"""Draw plots over time as inline SVG, without scripts and external files; colours come from the page, so they follow its dark mode.

Of the libraries, pygal adds a style sheet and a script to each plot, and neither it nor leather draws events.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from migrator.untrusted import for_html

_WIDTH, _HEIGHT = 760.0, 220.0
_TOP, _BOTTOM, _RIGHT = 34.0, 30.0, 14.0
# Width of a character of 11 px, at most, in the fonts that browsers take for system-ui.
_CHARACTER = 6.6
_ROWS, _COLUMNS = 4, 6
_MARK_ROWS = 2
_STEPS = (1.0, 2.0, 5.0, 10.0)
_CLOCK_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)
_DAY = 86400

Point = tuple[float, float]


class Series(NamedTuple):
    """One line of a plot."""

    name: str
    css: str
    points: Sequence[Point]
    stepped: bool = False


class Mark(NamedTuple):
    """One event, at its time."""

    at: float
    text: str
    css: str = "event"


class _Frame(NamedTuple):
    """Where seconds and values are on the picture."""

    left: float
    begins: float
    ends: float
    highest: float

    def x(self, at: float) -> float:
        """Return the place of a time."""
        return round(self.left + (at - self.begins) / max(self.ends - self.begins, 1e-9) * (_WIDTH - _RIGHT - self.left), 1)

    def y(self, value: float) -> float:
        """Return the place of a value."""
        return round(_HEIGHT - _BOTTOM - value / self.highest * (_HEIGHT - _BOTTOM - _TOP), 1)


def plot(title: str, unit: str, series: Sequence[Series], *, marks: Sequence[Mark] = (), ends: float | None = None) -> str:
    """Return one plot; x is seconds since 1970, y starts at zero, and the axis ends at `ends` at least."""
    points = [point for item in series for point in item.points]
    if not points:
        return ""
    times = [at for at, _ in points] + [mark.at for mark in marks] + ([ends] if ends is not None else [])
    rows = list(_rows(max(value for _, value in points)))
    labels = [f"{row:g}" for row in rows]
    left = round(max(5, *map(len, labels)) * _CHARACTER + 10, 1)  # most plots begin at the same place
    frame = _Frame(left, min(times), max(*times, min(times) + 1), rows[-1])
    parts = [*_grid(frame, rows, labels), *_marks(frame, marks)]
    parts += [_line(frame, one) for one in series if one.points]
    legend = " ".join(f'<span class="key {item.css}">{for_html(item.name)}</span>' for item in series)
    label = f"{for_html(title)} ({for_html(unit)})"
    return (
        f"<figure><figcaption>{label} {legend}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{label}">{"".join(parts)}</svg></figure>'
    )


def _rows(highest: float) -> Iterator[float]:
    """Yield round values from zero to the first that is not below the highest one."""
    rough = max(highest, 1e-9) / _ROWS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in _STEPS if power * factor >= rough * (1 - 1e-9))
    for number in range(max(1, math.ceil(highest / step - 1e-9)) + 1):
        yield float(f"{number * step:.6g}")


def _columns(frame: _Frame) -> tuple[list[float], bool]:
    """Return round times within the frame, and whether seconds are needed to tell them apart."""
    span = frame.ends - frame.begins
    step = next((step for step in _CLOCK_STEPS if span / step <= _COLUMNS), math.ceil(span / _COLUMNS / _DAY) * _DAY)
    first = math.ceil(frame.begins / step) * step
    return [first + number * step for number in range(int((frame.ends - first) // step) + 1)], step % 60 != 0


def _grid(frame: _Frame, rows: Sequence[float], labels: Sequence[str]) -> Iterator[str]:
    for row, label in zip(rows, labels, strict=True):
        y = frame.y(row)
        yield f'<line class="grid" x1="{frame.left}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text x="{frame.left - 5}" y="{y + 4}" text-anchor="end">{label}</text>'
    columns, seconds = _columns(frame)
    long = frame.ends - frame.begins > _DAY
    for at in columns:
        form = "%m-%d %H:%M" if long else "%H:%M:%S" if seconds else "%H:%M"
        text = datetime.datetime.fromtimestamp(at, datetime.UTC).strftime(form)
        x, half = frame.x(at), len(text) * _CHARACTER / 2
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{_HEIGHT - _BOTTOM}" y2="{_HEIGHT - _BOTTOM + 4}"/>'
        inside = round(min(max(x, half), _WIDTH - half), 1)
        yield f'<text x="{inside}" y="{_HEIGHT - 10}" text-anchor="middle">{text}</text>'


def _marks(frame: _Frame, marks: Sequence[Mark]) -> Iterator[str]:
    """Draw a line for each event; its words stand where those before it end, or it has only the line and a title."""
    free = [0.0] * _MARK_ROWS
    for mark in sorted(marks):
        x, width = frame.x(mark.at), len(mark.text) * _CHARACTER
        title = f"<title>{for_html(mark.text)}</title>"
        yield f'<line class="mark {mark.css}" x1="{x}" x2="{x}" y1="{_TOP - 4}" y2="{_HEIGHT - _BOTTOM}">{title}</line>'
        begins = max(0.0, min(x, _WIDTH - width))
        row = next((row for row, taken in enumerate(free) if taken <= begins), None)
        if row is not None:
            free[row] = begins + width + _CHARACTER
            yield f'<text class="mark {mark.css}" x="{begins:.1f}" y="{_TOP - 8 - 13 * row:g}">{for_html(mark.text)}</text>'


def _line(frame: _Frame, one: Series) -> str:
    places = [(frame.x(at), frame.y(value)) for at, value in one.points]
    parts = [f"M{places[0][0]},{places[0][1]}"]
    parts += [f"H{x}V{y}" if one.stepped else f"L{x},{y}" for x, y in places[1:]]
    return f'<path class="{one.css}" d="{"".join(parts)}"/>'
