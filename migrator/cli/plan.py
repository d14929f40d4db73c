"""`migrator plan`."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from migrator.cli import render
from migrator.cli.options import Common, takes


@click.command("plan")
@takes(Common)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the plan to a file, for approval and `copy --plan`.",
)
@click.option("--all", "everything", is_flag=True, help="Show every object, not only the first of each group.")
def command(common: Common, out: Path | None, everything: bool) -> None:  # noqa: FBT001
    """Show what would happen to every object of blue, and write nothing to a cluster.

    Exit code 3 when something is blocked, 4 when a kind cannot be read.
    """
    from migrator.cli.view import plan as view
    from migrator.migration.verbs.plan import run_plan
    from migrator.model.plan import Decision
    from migrator.wiring.migration import session

    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        plan, document = run_plan(opened)
    if out:
        render.private_file(out, orjson.dumps(document, option=orjson.OPT_INDENT_2))
    if common.output == "json":
        render.result_json(document)
    else:
        view.show(plan, document, everything=everything)
    click.get_current_context().exit(3 if any(plan.of(Decision.BLOCKED)) else 4 if plan.unreadable else 0)
