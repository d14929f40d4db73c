"""`migrator data status`."""

from __future__ import annotations

import dataclasses

import click

from migrator.cli import render
from migrator.cli.options import Common, takes


@click.command("status")
@takes(Common)
def command(common: Common) -> None:
    """Show what was copied and proven, and what a rollback would lose, from the journal; no cluster and no host is asked."""
    from migrator.cli.data import view
    from migrator.config.load import load_migration
    from migrator.journal.file import iter_entries
    from migrator.journal.records.migration import MIGRATION
    from migrator.migration.state import fold

    config = load_migration(common.config)
    data = fold(iter_entries(common.inputs.journal(config.name), MIGRATION)).data
    if common.output == "json":
        render.result_json({name: {**dataclasses.asdict(item), "proven": item.proven} for name, item in data.items()})
    else:
        view.show_state(data)
