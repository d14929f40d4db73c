"""`migrator data status`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from migrator.cli import render
from migrator.cli.options import Common, takes

if TYPE_CHECKING:
    from migrator.migration.data.state import ClaimData


@click.command("status")
@takes(Common)
def command(common: Common) -> None:
    """Show what was copied and proven, and what a rollback would lose, from the journal; no cluster and no host is asked."""
    from migrator.cli.data.view import moment, size
    from migrator.config.load import load_migration
    from migrator.journal.file import iter_entries
    from migrator.journal.records.migration import MIGRATION
    from migrator.migration.data.loss import losses
    from migrator.migration.state import fold

    config = load_migration(common.config)
    state = fold(iter_entries(common.inputs.journal(config.name), MIGRATION))
    if common.output == "json":
        render.result_json({name: {**dataclasses.asdict(item), "proven": item.proven} for name, item in state.data.items()})
        return
    for name, item in sorted(state.data.items()):
        if item.volume:
            _show_handed(name, item)
            continue
        render.line(f"{name}: {item.passes} passes, {item.entries} objects, {size(item.bytes)}")
        if item.open:
            render.line(render.word("unknown"), " a pass was begun and has not ended here; the same verb joins it")
        if item.proven_at is not None:
            where = "green has what blue had" if item.proven else "blue has what green had"
            render.line(f"    {where} at {moment(item.proven_at)}, digest {item.digest[:16]}; {item.proof}")
        elif item.passes:
            render.line(f"    {item.left} objects differed at the end of the last pass; not proven")
    for loss in losses(state.data):
        since = f" (since {moment(loss.since)})" if loss.since is not None else ""
        render.line(f"{loss.claim}: a rollback loses {loss.rollback}{since}; {loss.why}")
    if not state.data:
        render.line("no data was copied")


def _show_handed(name: str, item: ClaimData) -> None:
    from migrator.cli.data.view import moment

    side = "green" if item.direction == "to-green" else "blue"
    if item.proven_at is None:
        render.line(
            render.word("unknown"), f" {name}: the hand-over of {item.volume} to {side} was begun; the same verb continues it"
        )
    else:
        render.line(f"{name}: {side} has volume {item.volume} itself since {moment(item.proven_at)}; nothing is lost either way")
