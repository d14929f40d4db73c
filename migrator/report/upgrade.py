"""The report of a cluster's upgrades, from its journal: a bar for each step of each node, accepted findings, changed settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from migrator.journal.records import upgrade as records
from migrator.journal.records.base import Entry
from migrator.journal.records.upgrade import UPGRADE, UpgradeRecord
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
    """Whether the step has no end, because the run was killed or the step failed."""


@dataclass(slots=True, frozen=True, kw_only=True)
class UpgradeSummary:
    """One upgrade."""

    started: Entry[records.UpgradeStarted]
    steps: tuple[Bar, ...]
    differences: tuple[str, ...]
    """Settings that differ from those before the upgrade."""
    ended: str
    """How the upgrade ended; empty if it has not."""


def summarize_upgrades(entries: Iterable[Entry[UpgradeRecord]]) -> tuple[UpgradeSummary, ...]:
    """Return the upgrades of a journal, oldest first."""
    upgrades: list[tuple[Entry[records.UpgradeStarted], list[Entry[UpgradeRecord]]]] = []
    for entry in entries:
        if isinstance(entry.record, records.UpgradeStarted):
            upgrades.append((Entry(entry.at, entry.record), []))
        elif upgrades:
            upgrades[-1][1].append(entry)
    return tuple(_summary(started, rest) for started, rest in upgrades)


def document(upgrades: Iterable[UpgradeSummary]) -> dict[str, Any]:
    """Return the report as JSON."""
    return {
        "upgrades": [
            {
                "to": str(upgrade.started.record.target),
                "at": upgrade.started.at,
                "hops": [item.hop.document() for item in upgrade.started.record.hops],
                "findings": UPGRADE.fields(upgrade.started.record)["findings"],
                "steps": [bar._asdict() for bar in upgrade.steps],
                "differences": list(upgrade.differences),
                "ended": upgrade.ended,
            }
            for upgrade in upgrades
        ]
    }


def _summary(started: Entry[records.UpgradeStarted], entries: list[Entry[UpgradeRecord]]) -> UpgradeSummary:
    endings = [_ENDINGS[type(entry.record)] for entry in entries if type(entry.record) in _ENDINGS]
    return UpgradeSummary(
        started=started,
        steps=tuple(_bars(entries)),
        differences=tuple(
            text for entry in entries if isinstance(entry.record, records.HopEnded) for text in entry.record.differences
        ),
        ended=endings[-1] if endings else "",
    )


_ENDINGS: dict[type, str] = {
    records.UpgradeEnded: "upgrade done",
    records.UpgradeAborted: "aborted",
    records.HopRollbackEnded: "rollback done",
}


def _bars(entries: Iterable[Entry[UpgradeRecord]]) -> list[Bar]:
    """Return a bar for each attempt of a step."""
    bars: list[Bar] = []
    for entry in entries:
        match entry.record:
            case records.StepStarted(node=node, action=action):
                bars.append(Bar(node, action, entry.at, 0.0, cut_off=True))
            case records.StepEnded(node=node, action=action, seconds=seconds):
                numbers = [number for number, bar in enumerate(bars) if (bar.node, bar.action) == (node, action)]
                if numbers:
                    bars[numbers[-1]] = bars[numbers[-1]]._replace(seconds=seconds, cut_off=False)
            case _:
                pass
    return bars


def upgrade_page(name: str, upgrades: Iterable[UpgradeSummary]) -> str:
    """Return the page."""
    parts = [f"<h1>Upgrades of <q>{for_html(name)}</q> in place</h1>"]
    for upgrade in upgrades:
        hops = [item.hop for item in upgrade.started.record.hops]
        title = " → ".join([str(hops[0].start), *(str(hop.target) for hop in hops)])
        parts.append(f"<h2>{for_html(title)}, {utc(upgrade.started.at)} UTC: {for_html(upgrade.ended or 'not ended')}</h2>")
        parts.append(gantt(upgrade.steps))
        rows = [(utc(bar.begun), bar.node, bar.action, "cut off" if bar.cut_off else f"{bar.seconds:g} s") for bar in upgrade.steps]
        parts.append(f"<details><summary>{len(rows)} steps</summary>{table(('UTC', 'node', 'step', 'took'), rows)}</details>")
        if upgrade.started.record.findings:
            found = [(item.check, item.subject, item.reason) for item in upgrade.started.record.findings]
            parts.append(f"<h3>Known before it began</h3>{table(('check', 'subject', 'what'), found)}")
        if upgrade.differences:
            items = "".join(f"<li><code>{for_html(text)}</code></li>" for text in upgrade.differences)
            parts.append(f"<h3>Settings that kubeadm has changed</h3><ul>{items}</ul>")
    return framed(name, parts)


def gantt(bars: Sequence[Bar]) -> str:
    """Return a chart with a row for each node and a bar for each step; a step without an end is a red line."""
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
