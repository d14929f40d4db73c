"""`migrator validate`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.options import Common, takes


@click.command("validate")
@takes(Common)
def command(common: Common) -> None:
    """Check whether green is ready for the traffic; a timeout is a failure.

    Exit code 3 when the verdict is bad.
    """
    from migrator.journal.records.migration import MIGRATION, VerdictGiven
    from migrator.migration.validate import by_severity
    from migrator.migration.verbs import run_validate
    from migrator.wiring.migration import session

    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        verdict = run_validate(opened)
    if common.output == "json":
        render.result_json(MIGRATION.fields(VerdictGiven.of(verdict)))
    else:
        for severity, findings_of in by_severity(verdict.findings).items():
            for finding in findings_of:
                reason = f": {finding.reason}" if finding.reason else ""
                render.line(render.word(severity.value), f" {finding.check} {finding.subject}{reason}")
                if finding.said:
                    render.line(f"    it said: {finding.said}")
                if finding.hint:
                    render.line(f"    hint: {finding.hint}")
        render.line("verdict: ", render.word("good" if verdict.good else "bad"), f", after {verdict.seconds:.1f} s")
    click.get_current_context().exit(0 if verdict.good else 3)
