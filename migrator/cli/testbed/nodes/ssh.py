"""`migrator testbed nodes ssh`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from migrator.cli.testbed.nodes.options import lab_of, name_option, state_option


@click.command("ssh", context_settings={"ignore_unknown_options": True})
@name_option
@state_option
@click.argument("node")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(name: str, folder: Path, node: str, words: tuple[str, ...]) -> None:
    """Log in to a node, or run a command there."""
    line = lab_of(folder, name).command(node, *words)
    os.execvp(line[0], line)  # noqa: S606 - an argument list, no shell
