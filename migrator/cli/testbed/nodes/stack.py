"""`migrator testbed nodes stack`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.testbed.nodes.options import lab_of, name_option, state_option
from migrator.testbed.versions import GREEN


@click.command("stack")
@name_option
@state_option
@click.option("--kubernetes", default=GREEN, show_default=True, help="Version of the cluster.")
@click.option("--packages", "source", default="dist/packages", show_default=True, help="Folder of the packages.")
def command(name: str, folder: Path, kubernetes: str, source: str) -> None:
    """Print the settings of a stack on these nodes, for stacks/Pulumi.NAME.yaml."""
    import yaml

    from migrator.testbed.machines.supplies import stack_settings

    render.block(yaml.safe_dump(stack_settings(lab_of(folder, name), kubernetes, Path(source)), sort_keys=False).rstrip())
