"""One self-contained HTML page: timeline, plots, outcomes by kind, every skip with its reason."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from migrator.report.svg import Series, plot
from migrator.untrusted import for_html

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fff;--faint:#66728299;--blue:#2f6fde;--green:#1f9d55;--red:#d33}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--paper:#14181f;--blue:#6ea2ff;--green:#4cc38a;--red:#ff6b6b}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:56rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{margin-top:2.2rem;font-size:1.15rem}table{border-collapse:collapse;width:100%}
td,th{padding:.25rem .6rem;border-bottom:1px solid var(--faint);text-align:left;vertical-align:top}td.n{text-align:right}
svg{width:100%;height:auto}svg text{font-size:11px;fill:var(--ink)}.grid{stroke:var(--faint);stroke-width:.6}
rect.green{fill:var(--green)}rect.blue{fill:var(--blue)}rect.red{fill:var(--red)}
path{fill:none;stroke-width:2}path.green{stroke:var(--green)}path.blue{stroke:var(--blue)}path.red{stroke:var(--red)}
.key{font-size:.85em;padding:0 .5em}.key.green{color:var(--green)}.key.blue{color:var(--blue)}.key.red{color:var(--red)}
figure{margin:1rem 0}.good{color:var(--green)}.bad{color:var(--red)}summary{cursor:pointer}code{font-size:.92em}
"""


def page(summary: dict[str, Any]) -> str:
    """Return the page."""
    name = for_html(summary["migration"])
    parts = [
        f"<h1>Migration <q>{name}</q>: blue to green</h1>",
        _headline(summary),
        _plots(summary),
        _timeline(summary),
        _outcomes(summary),
        _findings(summary),
        _problems(summary),
        _skips(summary),
    ]
    return framed(summary["migration"], parts)


def framed(name: str, parts: Iterable[str]) -> str:
    """Return a whole page of these parts."""
    title = for_html(name)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _headline(summary: dict[str, Any]) -> str:
    share = summary["weights"][-1]["percent"] if summary["weights"] else 0
    verdict = summary["verdict"]
    judged = "not validated" if not verdict else '<b class="good">good</b>' if verdict["good"] else '<b class="bad">bad</b>'
    moved = sum(kinds.get("move", 0) for kinds in summary["copies"][-1]["kinds"].values()) if summary["copies"] else 0
    return f"<p>{moved} objects move; last verdict: {judged}; <b>{share:g} %</b> of the traffic is on green.</p>"


def _plots(summary: dict[str, Any]) -> str:
    samples, weights = summary["samples"], summary["weights"]
    if not weights:
        return ""
    steps = [(item["at"], float(item["percent"])) for item in weights]
    if samples:
        steps.append((max(steps[-1][0], samples[-1]["at"]), steps[-1][1]))

    def line(side: str, field: str) -> list[tuple[float, float]]:
        return [(item["at"], float(item[side][field])) for item in samples]

    rates = [(s["at"], 100 * s["green"]["errors"] / s["green"]["requests"]) for s in samples if s["green"]["requests"]]
    return (
        "<h2>Traffic</h2>"
        + plot("share of green", "%", [Series("green", "green", steps, stepped=True)])
        + plot("error rate of green", "%", [Series("green", "red", rates)])
        + plot(
            "response time",
            "ms",
            [Series("green", "green", line("green", "latency")), Series("blue", "blue", line("blue", "latency"))],
        )
    )


def _timeline(summary: dict[str, Any]) -> str:
    rows = [(utc(item["at"]), item["what"], item["detail"]) for item in summary["milestones"]]
    return "<h2>What happened</h2>" + table(("UTC", "event", "detail"), rows)


def _outcomes(summary: dict[str, Any]) -> str:
    if not summary["copies"]:
        return ""
    last = summary["copies"][-1]
    words = ("move", "skip", "blocked")
    rows = [(kind, *(str(counts.get(word, "")) for word in words)) for kind, counts in last["kinds"].items()]
    return "<h2>Objects by kind</h2>" + table(("kind", *words), rows)


def _findings(summary: dict[str, Any]) -> str:
    verdict = summary["verdict"]
    if not verdict or not verdict["findings"]:
        return ""
    rows = [(f["severity"], f["check"], f["subject"], f["reason"], f["cure"]) for f in verdict["findings"]]
    return "<h2>Findings of the last validation</h2>" + table(("severity", "check", "object", "reason", "cure"), rows)


def _problems(summary: dict[str, Any]) -> str:
    rows = [(item["object"], item["action"], item["message"]) for item in summary["problems"]]
    blocked = summary["copies"][-1]["blocked"] if summary["copies"] else []
    rows += [(item["ref"], "blocked", f"{item['reason']}; cure: {item['cure']}") for item in blocked]
    return "<h2>What is not on green</h2>" + table(("object", "outcome", "why"), rows) if rows else ""


def _skips(summary: dict[str, Any]) -> str:
    if not summary["copies"]:
        return ""
    last = summary["copies"][-1]
    parts = ["<h2>What stays on blue</h2>"]
    for reason, names in sorted(last["skipped"].items()):
        items = "".join(f"<li><code>{for_html(name)}</code></li>" for name in names)
        parts.append(f"<details><summary>{len(names)}: {for_html(reason)}</summary><ul>{items}</ul></details>")
    rows = [(kind, reason) for kind, reason in sorted(last["kindsSkipped"].items())]
    parts.append(f"<details><summary>{len(rows)} kinds as a whole</summary>{table(('kind', 'reason'), rows)}</details>")
    return "".join(parts)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table."""
    top = "".join(f"<th>{for_html(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{for_html(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def utc(at: float) -> str:
    """Return seconds since 1970 as a person reads them."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
