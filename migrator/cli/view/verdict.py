"""How the verdict about green is shown."""

from __future__ import annotations

from itertools import groupby

from migrator.cli import render
from migrator.migration.validate import by_severity
from migrator.model.verdict import Verdict


def show(verdict: Verdict) -> None:
    """Print each finding, the worst first, with what to do once for all of a kind that follow each other, and the verdict."""
    for severity, found in by_severity(verdict.findings).items():
        for hint, group in groupby(found, lambda finding: finding.hint):
            findings = list(group)
            for finding in findings:
                reason = f": {finding.reason}" if finding.reason else ""
                render.line(render.word(severity.value), f" {finding.check} {finding.subject}{reason}")
                if finding.said:
                    render.line(f"    it said: {finding.said}")
            if hint:
                render.line(f"    hint{f' for these {len(findings)}' if len(findings) > 1 else ''}: {hint}")
    render.line("verdict: ", render.word("good" if verdict.good else "bad"), f", after {verdict.seconds:.1f} s")
