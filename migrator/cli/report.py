"""`migrator report`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.options import Common, takes


@click.command("report")
@takes(Common)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="The HTML page; the JSON is written beside it.",
)
def command(common: Common, out: Path) -> None:
    """Write the migration's report from its journal: one self-contained HTML page, and JSON."""
    from migrator.config.load import load_migration
    from migrator.journal.file import iter_entries
    from migrator.journal.records.migration import MIGRATION
    from migrator.report.html import page
    from migrator.report.summary import document, summarize

    config = load_migration(common.config)
    summary = summarize(config.name, iter_entries(common.inputs.journal(config.name), MIGRATION))
    render.report(page(summary), document(summary), out, output=common.output)
