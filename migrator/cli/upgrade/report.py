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
    import orjson

    from migrator.cli.upgrade.wiring import journal_entries
    from migrator.report.upgrade import document, summarize_upgrades, upgrade_page

    upgrades = summarize_upgrades(journal_entries(where))
    out.write_text(upgrade_page(where.name, upgrades), encoding="utf-8")
    out.with_suffix(".json").write_bytes(orjson.dumps(document(upgrades), option=orjson.OPT_INDENT_2))
    if where.output == "json":
        render.result_json(document(upgrades))
    else:
        render.line(f"{out} and {out.with_suffix('.json')}")
