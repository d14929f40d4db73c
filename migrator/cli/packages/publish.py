"""`migrator packages publish`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.options import output_option
from migrator.cli.packages.options import dest_option


@click.command("publish")
@dest_option
@click.option("--repo", type=click.Path(path_type=Path), help="Folder of the repository.  [default: --dest itself]")
@click.option("--key", default="", help="Id of a GPG key to sign packages and database with.")
@click.option("--to", multiple=True, metavar="USER@HOST:FOLDER", help="Copy the repository there, over SSH; may be repeated.")
@output_option
def command(dest: Path, repo: Path | None, key: str, to: tuple[str, ...], output: str) -> None:
    """Make a pacman repository of the packages, for nodes to get over HTTP or SSH."""
    from migrator.cli.packages import view
    from migrator.packages.publish import publish, send

    repository = (repo or dest).absolute()
    files = sorted(dest.glob("*.pkg.tar.zst"))
    database = publish(files, repository, key=key)
    for place in to:
        render.step(f"copying to {place}")
        send(repository, place)
    view.show_published(view.Published(database, tuple(files), to, key), output)
