"""`migrator testbed`."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.options import output_option
from migrator.cli.testbed.nodes import command as nodes
from migrator.cli.testbed.options import folder_option
from migrator.testbed.binaries import Store
from migrator.testbed.planes.control_plane import Recipe
from migrator.testbed.planes.pair import Testbed, default_cache
from migrator.testbed.versions import BLUE, GREEN

_FOLDER = folder_option(".migrator/testbed")


@click.group("testbed")
def command() -> None:
    """Two real control planes on loopback: etcd, API server, controllers, scheduler; KWOK plays nodes and pods."""


command.add_command(nodes)


@command.command("up")
@_FOLDER
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
def up(folder: Path, blue: str, green: str, source: str, mirror: tuple[str, ...], output: str) -> None:
    """Start the testbed; what runs already stays, what has crashed is cleaned up."""
    store = Store(default_cache(), render.step, mirrors=dict(_pair(item) for item in mirror), source=source)
    Testbed(folder.absolute(), store, render.step).up((Recipe("blue", blue), Recipe("green", green)))
    _show(folder, output)


@command.command("down")
@_FOLDER
def down(folder: Path) -> None:
    """End the testbed and remove all of it."""
    there = _bed(folder).down()
    render.line("the testbed is gone" if there else "there was no testbed")


@command.command("status")
@_FOLDER
@output_option
def status(folder: Path, output: str) -> None:
    """Tell what runs; exit code 1 when the testbed does not."""
    running = _show(folder, output)
    click.get_current_context().exit(0 if running else 1)


def _bed(folder: Path) -> Testbed:
    return Testbed(folder.absolute(), Store(default_cache(), render.step), render.step)


def _show(folder: Path, output: str) -> bool:
    status = _bed(folder).status()
    if output == "json":
        processes = {item.name: {"pid": item.pid, "alive": item.alive} for item in status.processes}
        render.result_json(
            {
                "running": status.running,
                "versions": status.versions,
                "kubeconfig": str(status.kubeconfig),
                "processes": processes,
            }
        )
        return status.running
    for item in status.processes:
        render.line(f"{item.name:32} {'running' if item.alive else 'gone'}  pid {item.pid}")
    if status.running:
        render.line(f"export KUBECONFIG={status.kubeconfig}   # contexts blue and green")
    else:
        render.line("the testbed does not run")
    return status.running


def _pair(text: str) -> tuple[str, str]:
    family, equals, url = text.partition("=")
    if not equals or family not in ("kubernetes", "etcd", "kwok"):
        raise click.BadParameter(f"{text!r} is not kubernetes=URL, etcd=URL or kwok=URL", param_hint="--mirror")
    return family, url
