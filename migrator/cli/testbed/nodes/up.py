"""`migrator testbed nodes up`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli.options import output_option
from migrator.cli.testbed import view
from migrator.cli.testbed.nodes.options import lab_of, name_option, state_option
from migrator.testbed.versions import BLUE, GREEN


@click.command("up")
@name_option
@state_option
@click.option("--count", type=click.IntRange(1, 9), default=2, show_default=True, help="How many nodes.")
@click.option(
    "--kubernetes", multiple=True, default=(BLUE, GREEN), show_default=True, help="Versions whose images the registry serves."
)
@click.option(
    "--emulate",
    type=click.Choice(["arm64", "amd64"]),
    help="Boot whole emulated machines of this architecture, with a kernel and cgroup v2 of their own; slow.",
)
@output_option
def command(name: str, folder: Path, count: int, kubernetes: tuple[str, ...], emulate: str | None, output: str) -> None:
    """Boot nodes; what runs already stays, what crashed is booted again."""
    lab = lab_of(folder, name, emulate or "")
    view.show_nodes(lab, lab.up(count, kubernetes), output)
