"""`migrator testbed up`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.options import output_option
from migrator.cli.testbed import view
from migrator.cli.testbed.options import state_option
from migrator.testbed.binaries import Store
from migrator.testbed.planes.control_plane import Recipe
from migrator.testbed.planes.pair import Testbed, default_cache
from migrator.testbed.versions import BLUE, GREEN


@click.command("up")
@state_option
@click.option("--blue", default=BLUE, show_default=True, help="Kubernetes version of blue.")
@click.option("--green", default=GREEN, show_default=True, help="Kubernetes version of green.")
@click.option(
    "--source",
    type=click.Choice(["auto", "download", "build"]),
    default="auto",
    show_default=True,
    help="Where binaries come from.",
)
@click.option("--mirror", multiple=True, metavar="FAMILY=URL", help="Another base address for kubernetes, etcd or kwok.")
@output_option
def command(folder: Path, blue: str, green: str, source: str, mirror: tuple[str, ...], output: str) -> None:
    """Start the testbed; what runs already stays, what has crashed is cleaned up."""
    store = Store(default_cache(), render.step, mirrors=dict(_pair(item) for item in mirror), source=source)
    bed = Testbed(folder.absolute(), store, render.step)
    bed.up((Recipe("blue", blue), Recipe("green", green)))
    view.show_status(bed.status(), output)


def _pair(text: str) -> tuple[str, str]:
    family, equals, url = text.partition("=")
    if not equals or family not in ("kubernetes", "etcd", "kwok"):
        raise click.BadParameter(f"{text!r} is not kubernetes=URL, etcd=URL or kwok=URL", param_hint="--mirror")
    return family, url
