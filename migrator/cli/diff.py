"""`migrator diff`."""

from __future__ import annotations

from collections import Counter

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
    from migrator.migration.verbs import run_diff
    from migrator.wiring.migration import session

    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        entries = run_diff(opened)
    if common.output == "json":
        render.result_json(
            [
                {
                    "object": str(entry.ref),
                    "action": entry.action,
                    "message": entry.message,
                    "fields": [{"path": item.path, "green": item.live, "wanted": item.wanted} for item in entry.differences],
                }
                for entry in entries
            ]
        )
    else:
        for entry in entries:
            if entry.action == "unchanged":
                continue
            render.line(render.word(entry.action), f" {entry.ref}" + (f"  ({entry.message})" if entry.message else ""))
            if entry.action != "create" or full:
                for item in entry.differences:
                    render.line(f"    {render.difference(item)}")
        render.line()
        render.line(*render.counts(Counter(entry.action for entry in entries)))
    unproven = any(entry.action in ("refused", "unproven") for entry in entries)
    click.get_current_context().exit(4 if unproven else 0)
