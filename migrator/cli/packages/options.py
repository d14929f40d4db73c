"""Options that the verbs of `migrator packages` share."""

from __future__ import annotations

from pathlib import Path

import click

work_option = click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path("/var/tmp/migrator-packages"),  # noqa: S108 - the build user must reach it
    show_default=True,
    help="Folder for sources and caches; logs, too, unless root builds: /var/lib/migrator-build.",
)
dest_option = click.option(
    "--dest", type=click.Path(path_type=Path), default=Path("dist/packages"), show_default=True, help="Folder of the packages."
)
