"""`migrator copy`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson

from migrator.cli import render
from migrator.cli.options import Common, takes
from migrator.errors import ConfigError
from migrator.migration.copy import CopyOptions, CopyResult


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
    from migrator.migration.verbs import run_copy
    from migrator.wiring.migration import session

    document = _read_plan(approved) if approved else None
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
        render.result_json(as_document(result))
    else:
        show(result)
    click.get_current_context().exit(0 if result.complete else 4)


def show(result: CopyResult) -> None:
    """Print the result of a copy."""
    for outcome in result.problems:
        render.line(render.word(outcome.action.value), f" {outcome.ref}: {outcome.message}")
        for item in outcome.differences:
            render.line(f"    {render.difference(item)}")
    for blocked in result.blocked:
        render.line(render.word("blocked"), f" {blocked.blue}: {blocked.reason}")
        render.line(f"    hint: {blocked.hint}")
    for text in result.unreadable:
        render.line(render.word("blocked"), f" {text}")
    for claim in result.data_left:
        render.line(
            render.word("warning"),
            f" claim {claim}: its data is not copied yet; validate fails until `migrator data finish` has proven it, "
            "or volumes.dataMoved names it",
        )
    render.line(*render.counts(result.counts))


def as_document(result: CopyResult) -> dict[str, Any]:
    """Return a copy's result as plain data."""
    return {
        "complete": result.complete,
        "counts": dict(result.counts),
        "problems": [
            {
                "object": str(item.ref),
                "action": item.action.value,
                "message": item.message,
                "fields": [{"path": field.path, "green": field.live, "wanted": field.wanted} for field in item.differences],
            }
            for item in result.problems
        ],
        "blocked": [{"object": str(item.blue), "reason": item.reason, "cure": item.hint} for item in result.blocked],
        "goneFromBlue": [str(ref) for ref in result.gone],
        "dataLeft": result.data_left,
        "unreadable": result.unreadable,
    }


def _read_plan(path: Path) -> dict[str, Any]:
    try:
        return dict(orjson.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError([f"{path}: not a plan: {error}"], hint="`migrator plan --out FILE` writes one") from error
