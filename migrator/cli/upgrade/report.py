"""`migrator upgrade report`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.options import takes
from migrator.cli.upgrade.where import Where


@click.command("report")
@takes(Where)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("upgrade.html"),
    show_default=True,
    help="The HTML page; the JSON is written beside it.",
)
def command(where: Where, out: Path) -> None:
    """Write what was done, step by step, as one self-contained HTML page and JSON."""
    from migrator.report.upgrade import document, summarize_upgrades, upgrade_page
    from migrator.wiring.upgrade import journal_entries

    upgrades = summarize_upgrades(journal_entries(where.inputs))
    render.report(upgrade_page(where.name, upgrades), document(upgrades), out, output=where.output)
