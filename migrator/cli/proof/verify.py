"""`migrator proof verify`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.options import output_option

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("verify")
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
@click.option("--tree", type=click.Path(path_type=Path, file_okay=False), help="Also compare this folder, which is only read.")
@output_option
def command(files: tuple[Path, ...], tree: Path | None, output: str) -> None:
    """Compute counts, bytes and digests again from the entries in a proof; exit code 3 when one does not hold."""
    from migrator.volumes.proof import check_proof

    found = {path: check_proof(path, tree) for path in files}
    if output == "json":
        render.result_json(
            [
                {
                    "proof": str(path),
                    "good": not item.wrong,
                    "wrong": list(item.wrong),
                    "claim": item.head.get("claim"),
                    "root": item.head["root"],
                }
                for path, item in found.items()
            ]
        )
    else:
        for path, item in found.items():
            head = item.head
            word = render.word("bad" if item.wrong else "good")
            render.line(
                word, f" {path}: {head.get('claim')}, {head['entries']} objects, {head['bytes']} bytes, {head['root']['source']}"
            )
            for text in item.wrong:
                render.line(f"  {text}")
    click.get_current_context().exit(3 if any(item.wrong for item in found.values()) else 0)
