"""The report of an upgrade in place, from its journal: a bar for each step of each node, what was known before, what changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from migrator.journal.records import upgrade as records
from migrator.journal.records.base import Entry
from migrator.journal.records.upgrade import UpgradeRecord
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


def summarize_upgrade(entries: Iterable[Entry[UpgradeRecord]]) -> dict[str, Any]:
    """Return what the page shows, as plain data."""
    upgrades: list[dict[str, Any]] = []
    for entry in entries:
        if isinstance(entry.record, records.UpgradeStarted):
            upgrades.append(_begun(entry.record, entry.at))
        elif upgrades:
            _take(upgrades[-1], entry.record, entry.at)
    return {"upgrades": upgrades}


def _begun(record: records.UpgradeStarted, at: float) -> dict[str, Any]:
    return {
        "to": str(record.target),
        "at": at,
        "hops": [item.hop.document() for item in record.hops],
        "findings": [{"check": item.check, "subject": item.subject, "reason": item.reason} for item in record.findings],
        "steps": [],
        "differences": [],
        "ended": "",
    }


def _take(upgrade: dict[str, Any], record: UpgradeRecord, at: float) -> None:
    match record:
        case records.StepStarted():
            upgrade["steps"].append(Bar(record.node, record.action, at, 0.0, cut_off=True)._asdict())
        case records.StepEnded():
            step = (record.node, record.action)
            begun = next((item for item in reversed(upgrade["steps"]) if (item["node"], item["action"]) == step), None)
            if begun:
                begun |= {"seconds": record.seconds, "cut_off": False}
        case records.HopEnded():
            upgrade["differences"] += record.differences
        case records.UpgradeEnded():
            upgrade["ended"] = "upgrade done"
        case records.UpgradeAborted():
            upgrade["ended"] = "aborted"
        case records.HopRollbackEnded():
            upgrade["ended"] = "rollback done"
        case _:
            pass


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
