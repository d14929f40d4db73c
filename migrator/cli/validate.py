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
    from migrator.cli.view import verdict as view
    from migrator.journal.records.migration import MIGRATION, VerdictGiven
    from migrator.migration.verbs.validate import run_validate
    from migrator.wiring.migration import session

    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        verdict = run_validate(opened)
    if common.output == "json":
        render.result_json(MIGRATION.fields(VerdictGiven.of(verdict)))
    else:
        view.show(verdict)
    click.get_current_context().exit(0 if verdict.good else 3)
