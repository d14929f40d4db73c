"""`migrator completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from migrator.cli import render


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell; for bash: `source <(migrator completion bash)`."""
    from migrator.cli.main import group

    kind = get_completion_class(shell)
    if kind:
        render.block(kind(group, {}, "migrator", "_MIGRATOR_COMPLETE").source())
