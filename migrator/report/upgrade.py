"""The report of an upgrade in place, from its journal: a bar for each step of each node, what was known before, what changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from migrator.report.html import framed, table, utc
from migrator.untrusted import for_html

_WIDTH, _LEFT, _ROW, _AXIS = 760, 120, 26, 24


class Bar(NamedTuple):
    """One step of one node."""

    node: str
    action: str
    begun: float
    """Seconds since 1970."""
    seconds: float
    cut_off: bool
    """It has no end: the run was killed, or the step failed."""


def summarize_upgrade(lines: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return what the page shows, as plain data."""
    upgrades: list[dict[str, Any]] = []
    for line in lines:
        if line["event"] == "upgrade-started":
            upgrades.append({"to": line["to"], "at": line["at"], "hops": line["hops"], "findings": line.get("findings", [])})
            upgrades[-1] |= {"steps": [], "differences": [], "ended": ""}
        elif upgrades:
            _take(upgrades[-1], line)
    return {"upgrades": upgrades}


def _take(upgrade: dict[str, Any], line: dict[str, Any]) -> None:
    event, steps = line["event"], upgrade["steps"]
    if event == "step":
        steps.append(Bar(line["node"], line["action"], line["at"], 0.0, cut_off=True)._asdict())
    elif event == "step-done":
        begun = next((item for item in reversed(steps) if (item["node"], item["action"]) == (line["node"], line["action"])), None)
        if begun:
            begun |= {"seconds": line["seconds"], "cut_off": False}
    elif event == "hop-ended":
        upgrade["differences"] += line.get("differences", [])
    elif event in ("upgrade-ended", "upgrade-aborted", "rollback-ended"):
        upgrade["ended"] = event.replace("-ended", " done").replace("upgrade-aborted", "aborted")


def upgrade_page(name: str, summary: dict[str, Any]) -> str:
    """Return the page."""
    parts = [f"<h1>Upgrades of <q>{for_html(name)}</q> in place</h1>"]
    for upgrade in summary["upgrades"]:
        hops = " → ".join([upgrade["hops"][0]["from"], *(hop["to"] for hop in upgrade["hops"])])
        parts.append(f"<h2>{for_html(hops)}, {utc(upgrade['at'])} UTC: {for_html(upgrade['ended'] or 'not ended')}</h2>")
        bars = [Bar(**item) for item in upgrade["steps"]]
        parts.append(gantt(bars))
        rows = [(utc(bar.begun), bar.node, bar.action, "cut off" if bar.cut_off else f"{bar.seconds:g} s") for bar in bars]
        parts.append(f"<details><summary>{len(rows)} steps</summary>{table(('UTC', 'node', 'step', 'took'), rows)}</details>")
        if upgrade["findings"]:
            found = [(item["check"], item["subject"], item["reason"]) for item in upgrade["findings"]]
            parts.append(f"<h3>Known before it began</h3>{table(('check', 'subject', 'what'), found)}")
        if upgrade["differences"]:
            items = "".join(f"<li><code>{for_html(text)}</code></li>" for text in upgrade["differences"])
            parts.append(f"<h3>Settings that kubeadm has changed</h3><ul>{items}</ul>")
    return framed(name, parts)


def gantt(bars: list[Bar]) -> str:
    """Return a row for each node, a bar for each step; what was cut off is a red line."""
    if not bars:
        return ""
    nodes = list(dict.fromkeys(bar.node for bar in bars))
    low = min(bar.begun for bar in bars)
    span = max(max(bar.begun + bar.seconds for bar in bars) - low, 1e-9)
    scale = (_WIDTH - _LEFT - 10) / span
    height = _ROW * len(nodes) + _AXIS
    shapes = [
        f'<text x="{_LEFT - 8}" y="{_ROW * row + 17}" text-anchor="end">{for_html(node)}</text>'
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - 10}" y1="{_ROW * (row + 1)}" y2="{_ROW * (row + 1)}"/>'
        for row, node in enumerate(nodes)
    ]
    for number, bar in enumerate(bars):
        x, y = round(_LEFT + (bar.begun - low) * scale, 1), _ROW * nodes.index(bar.node) + 4
        width = max(round(bar.seconds * scale, 1), 1.5)
        css = "red" if bar.cut_off else ("green", "blue")[number % 2]
        took = "cut off" if bar.cut_off else f"{bar.seconds:g} s"
        title = f"<title>{for_html(bar.action)}: {took}</title>"
        shapes.append(f'<rect class="{css}" x="{x}" y="{y}" width="{width}" height="{_ROW - 8}">{title}</rect>')
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = round(_LEFT + span * share * scale, 1)
        shapes.append(f'<text x="{x}" y="{height - 6}" text-anchor="middle">{span * share:.0f} s</text>')
    label = "steps by node; hold the pointer over a bar to see what it is"
    return (
        f'<figure><figcaption>{label}</figcaption><svg viewBox="0 0 {_WIDTH} {height}" role="img">{"".join(shapes)}</svg></figure>'
    )
