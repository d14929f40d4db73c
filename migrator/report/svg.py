"""Draw line plots as inline SVG, without scripts and external files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from migrator.untrusted import for_html

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 760, 200, 52, 26, 12

Point = tuple[float, float]


class Series(NamedTuple):
    """One line of a plot."""

    name: str
    css: str
    points: Sequence[Point]
    stepped: bool = False


def plot(title: str, unit: str, series: Sequence[Series]) -> str:
    """Return one plot; x is seconds, y starts at zero."""
    points = [point for item in series for point in item.points]
    if not points:
        return ""
    x_low, x_high = min(x for x, _ in points), max(x for x, _ in points)
    y_high = max(max(y for _, y in points) * 1.1, 1.0)
    x_span = max(x_high - x_low, 1e-9)

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (x - x_low) / x_span * (_WIDTH - _LEFT - 10)
        return round(across, 1), round(_HEIGHT - _BOTTOM - y / y_high * (_HEIGHT - _BOTTOM - _TOP), 1)

    lines = []
    for share in (0.0, 0.5, 1.0):
        _, y = place(x_low, y_high * share)
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - 10}" y1="{y}" y2="{y}"/>')
        lines.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{y_high * share:.3g}</text>')
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, _ = place(x_low + x_span * share, 0)
        lines.append(f'<text x="{x}" y="{_HEIGHT - 6}" text-anchor="middle">{x_span * share:.0f} s</text>')
    lines += [
        f'<path class="{one.css}" d="{_path([place(x, y) for x, y in one.points], stepped=one.stepped)}"/>'
        for one in series
        if one.points
    ]
    legend = " ".join(f'<span class="key {item.css}">{for_html(item.name)}</span>' for item in series)
    label = f"{for_html(title)} ({for_html(unit)})"
    return (
        f"<figure><figcaption>{label} {legend}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(lines)}</svg></figure>'
    )


def _path(points: Sequence[tuple[float, float]], *, stepped: bool) -> str:
    parts = [f"M{points[0][0]},{points[0][1]}"]
    for x, y in points[1:]:
        parts.append(f"H{x}V{y}" if stepped else f"L{x},{y}")
    return "".join(parts)
