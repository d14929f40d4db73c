"""`migrator diff`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.options import Common, takes


@click.command("diff")
@takes(Common)
@click.option("--full", is_flag=True, help="Show the fields of new objects too.")
def command(common: Common, full: bool) -> None:  # noqa: FBT001
    """Show how green would change, field by field, from dry runs on green; nothing is written.

    Exit code 4 when green refuses an object, or cannot prove one yet.
    """
    from migrator.cli.view import diff as view
    from migrator.migration.verbs.diff import run_diff
    from migrator.wiring.migration import session

    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        entries = run_diff(opened)
    if common.output == "json":
        render.result_json(view.as_document(entries))
    else:
        view.show(entries, full=full)
    unproven = any(entry.action in ("refused", "unproven") for entry in entries)
    click.get_current_context().exit(4 if unproven else 0)
