"""How the verdict about green is shown."""

from __future__ import annotations

from migrator.cli import render
from migrator.migration.validate import by_severity
from migrator.model.verdict import Verdict


def show(verdict: Verdict) -> None:
    """Print each finding, the worst first, and the verdict."""
    for severity, findings_of in by_severity(verdict.findings).items():
        for finding in findings_of:
            reason = f": {finding.reason}" if finding.reason else ""
            render.line(render.word(severity.value), f" {finding.check} {finding.subject}{reason}")
            if finding.said:
                render.line(f"    it said: {finding.said}")
            if finding.hint:
                render.line(f"    hint: {finding.hint}")
    render.line("verdict: ", render.word("good" if verdict.good else "bad"), f", after {verdict.seconds:.1f} s")
