"""`migrator copy`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.options import Common, takes


@click.command("copy")
@takes(Common)
@click.option(
    "--plan",
    "approved",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Refuse to copy unless the plan is still this approved one.",
)
@click.option("--prune", is_flag=True, help="Delete objects on green that blue no longer has; only objects that this tool created.")
@click.option("--force-conflicts", is_flag=True, help="Overwrite objects of green that others created or changed.")
def command(common: Common, approved: Path | None, prune: bool, force_conflicts: bool) -> None:  # noqa: FBT001
    """Copy blue's objects to green in dependency waves; run again, it copies only what is missing or changed.

    `--prune` asks before it deletes, with counts. Exit code 4 when an object could not be copied, or was kept by a prune.
    """
    from migrator.cli.view import copied as view
    from migrator.migration.approval import load_approved
    from migrator.migration.copy import CopyOptions
    from migrator.migration.verbs.copy import run_copy
    from migrator.wiring.migration import session

    document = load_approved(approved) if approved else None
    if prune:
        render.require_answer("--prune asks before it deletes.", yes=common.yes)
    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        timeout = opened.config.gates.backend_timeout.total_seconds()
        options = CopyOptions(
            prune=prune,
            confirm=lambda question: render.agreed(question, yes=common.yes),
            force_conflicts=force_conflicts,
            backend_timeout=timeout,
        )
        _, result = run_copy(opened, options, document)
    if common.output == "json":
        render.result_json(view.as_document(result))
    else:
        view.show(result)
    click.get_current_context().exit(0 if result.complete else 4)
