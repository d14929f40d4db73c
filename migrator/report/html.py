"""One self-contained HTML page: timeline, plots, outcomes by kind, every skip with its reason."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable

from migrator.report.curves import errors, rates
from migrator.report.summary import Summary
from migrator.report.svg import Mark, Point, Series, plot
from migrator.untrusted import for_html

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fff;--faint:#66728299;--blue:#2f6fde;--green:#1f9d55;--red:#d33}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--paper:#14181f;--blue:#6ea2ff;--green:#4cc38a;--red:#ff6b6b}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:56rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{margin-top:2.2rem;font-size:1.15rem}table{border-collapse:collapse;width:100%}
td,th{padding:.25rem .6rem;border-bottom:1px solid var(--faint);text-align:left;vertical-align:top}td.n{text-align:right}
td.at{white-space:nowrap}
svg{width:100%;height:auto}svg text{font-size:11px;fill:var(--ink)}.grid{stroke:var(--faint);stroke-width:.6}
rect.green{fill:var(--green)}rect.blue{fill:var(--blue)}rect.red{fill:var(--red)}
.mark{stroke-dasharray:3 3;stroke:var(--ink);stroke-width:.8}text.mark{stroke:none}
.mark.red{stroke:var(--red)}text.mark.red{stroke:none;fill:var(--red)}
path{fill:none;stroke-width:2}path.green{stroke:var(--green)}path.blue{stroke:var(--blue)}path.red{stroke:var(--red)}
.key{font-size:.85em;padding:0 .5em}.key.green{color:var(--green)}.key.blue{color:var(--blue)}.key.red{color:var(--red)}
figure{margin:1rem 0}.good{color:var(--green)}.bad{color:var(--red)}summary{cursor:pointer}code{font-size:.92em}
"""
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def page(summary: Summary) -> str:
    """Return the page."""
    parts = [
        f"<h1>Migration <q>{for_html(summary.migration)}</q>: blue to green</h1>",
        _headline(summary),
        _plots(summary),
        _timeline(summary),
        _outcomes(summary),
        _findings(summary),
        _problems(summary),
        _skips(summary),
    ]
    return framed(summary.migration, parts)


def framed(name: str, parts: Iterable[str]) -> str:
    """Return a whole page of these parts."""
    title = for_html(name)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _headline(summary: Summary) -> str:
    share = summary.shifts[-1].record.percent if summary.shifts else 0
    verdict = summary.verdict.record if summary.verdict else None
    judged = "not validated" if not verdict else '<b class="good">good</b>' if verdict.good else '<b class="bad">bad</b>'
    moved = sum(kinds.get("move", 0) for kinds in summary.copies[-1].record.kinds.values()) if summary.copies else 0
    return f"<p>{moved} objects move; last verdict: {judged}; <b>{share:g} %</b> of the traffic is on green.</p>"


def _plots(summary: Summary) -> str:
    if not summary.shifts:
        return ""
    samples, marks = summary.samples, [Mark(event.at, event.what, event.css) for event in summary.events]
    ends = max(entry.at for entry in (*summary.shifts, *samples))
    shares = [(entry.at, entry.record.percent) for entry in summary.shifts]
    shares.append((ends, shares[-1][1]))
    blue_shares = [(at, 100 - share) for at, share in shares]
    plots = (
        plot("share of the traffic", "%", _sides(blue_shares, shares, stepped=True), marks=marks),
        plot("requests", "1/s", _sides(*rates(samples)), marks=marks, ends=ends),
        plot("errors", "% of the requests", _sides(*errors(samples)), marks=marks, ends=ends),
        plot(
            "response time",
            "ms",
            _sides([(s.at, s.record.blue.latency_ms) for s in samples], [(s.at, s.record.green.latency_ms) for s in samples]),
            marks=marks,
            ends=ends,
        ),
    )
    return f"<h2>Traffic</h2><p>Times are UTC.</p>{''.join(plots)}"


def _sides(blue: list[Point], green: list[Point], *, stepped: bool = False) -> tuple[Series, Series]:
    return Series("blue", "blue", blue, stepped=stepped), Series("green", "green", green, stepped=stepped)


def _timeline(summary: Summary) -> str:
    rows = [(utc(item.at), item.what, item.detail) for item in summary.milestones]
    return "<h2>What happened</h2>" + table(("UTC", "event", "detail"), rows)


def _outcomes(summary: Summary) -> str:
    if not summary.copies:
        return ""
    words = ("move", "skip", "blocked")
    kinds = summary.copies[-1].record.kinds
    rows = [(kind, *(str(counts.get(word, "")) for word in words)) for kind, counts in kinds.items()]
    return "<h2>Objects by kind</h2>" + table(("kind", *words), rows)


def _findings(summary: Summary) -> str:
    if not summary.verdict or not summary.verdict.record.findings:
        return ""
    rows = [(f.severity, f.check, f.subject, f.reason, f.hint) for f in summary.verdict.record.findings]
    return "<h2>Findings of the last validation</h2>" + table(("severity", "check", "object", "reason", "hint"), rows)


def _problems(summary: Summary) -> str:
    rows = [(str(item.ref), item.action.value, item.message) for item in summary.problems]
    blocked = summary.copies[-1].record.blocked if summary.copies else ()
    rows += [(str(item.ref), "blocked", f"{item.reason}; hint: {item.hint}") for item in blocked]
    return "<h2>What is not on green</h2>" + table(("object", "outcome", "why"), rows) if rows else ""


def _skips(summary: Summary) -> str:
    if not summary.copies:
        return ""
    last = summary.copies[-1].record
    parts = ["<h2>What stays on blue</h2>"]
    for reason, refs in sorted(last.skipped.items()):
        items = "".join(f"<li><code>{for_html(str(ref))}</code></li>" for ref in refs)
        parts.append(f"<details><summary>{len(refs)}: {for_html(reason)}</summary><ul>{items}</ul></details>")
    rows = sorted(last.kinds_skipped.items())
    parts.append(f"<details><summary>{len(rows)} kinds as a whole</summary>{table(('kind', 'reason'), rows)}</details>")
    return "".join(parts)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table."""
    top = "".join(f"<th>{for_html(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _cell(content: object) -> str:
    text = str(content)
    return f'<td class="at">{text}</td>' if _TIME.fullmatch(text) else f"<td>{for_html(text)}</td>"


def utc(at: float) -> str:
    """Return seconds since 1970 as a person reads them."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
