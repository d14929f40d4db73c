"""`migrator testbed nodes`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.options import output_option
from migrator.cli.testbed.options import folder_option
from migrator.testbed.binaries import Store
from migrator.testbed.machines.lab import Lab, LabStatus
from migrator.testbed.planes.pair import default_cache
from migrator.testbed.versions import BLUE, GREEN

_NAME = click.option("--name", default="blue", show_default=True, help="Name of this set of nodes.")
_FOLDER = folder_option(".migrator/nodes")


@click.group("nodes")
def command() -> None:
    """Hosts that answer SSH: containers with systemd, pacman and a registry of Kubernetes' images; needs root."""


@command.command("up")
@_NAME
@_FOLDER
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
def up(name: str, folder: Path, count: int, kubernetes: tuple[str, ...], emulate: str | None, output: str) -> None:
    """Boot nodes; what runs already stays, what crashed is booted again."""
    lab = _lab(folder, name, emulate or "")
    _show(lab, lab.up(count, kubernetes), output)


@command.command("down")
@_NAME
@_FOLDER
def down(name: str, folder: Path) -> None:
    """End all nodes of a set and remove everything of them."""
    there = _lab(folder, name).down()
    render.line(f"the nodes of {name} are gone" if there else f"there were no nodes of {name}")


@command.command("status")
@_NAME
@_FOLDER
@output_option
def status(name: str, folder: Path, output: str) -> None:
    """Tell what runs and what is faked; exit code 1 when not all nodes run."""
    lab = _lab(folder, name)
    found = lab.status()
    _show(lab, found, output)
    click.get_current_context().exit(0 if found.running else 1)


@command.command("ssh", context_settings={"ignore_unknown_options": True})
@_NAME
@_FOLDER
@click.argument("node")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def ssh(name: str, folder: Path, node: str, words: tuple[str, ...]) -> None:
    """Log in to a node, or run a command there."""
    line = _lab(folder, name).command(node, *words)
    os.execvp(line[0], line)  # noqa: S606 - an argument list, no shell


@command.command("stack")
@_NAME
@_FOLDER
@click.option("--kubernetes", default=GREEN, show_default=True, help="Version of the cluster.")
@click.option("--packages", "source", default="dist/packages", show_default=True, help="Folder of the packages.")
def stack(name: str, folder: Path, kubernetes: str, source: str) -> None:
    """Print the settings of a stack on these nodes, for stacks/Pulumi.NAME.yaml."""
    import yaml

    from migrator.testbed.machines.supplies import stack_settings

    render.block(yaml.safe_dump(stack_settings(_lab(folder, name), kubernetes, Path(source)), sort_keys=False).rstrip())


def _lab(folder: Path, name: str, emulate: str = "") -> Lab:
    return Lab((folder / name).absolute(), name, Store(default_cache(), render.step), render.step, emulate=emulate)


def _show(lab: Lab, found: LabStatus, output: str) -> None:
    if output == "json":
        nodes = {item.name: {"address": item.address, "alive": item.alive, "pid": item.process.pid} for item in found.machines}
        paths = {"sshConfig": str(lab.ssh_config), "key": str(lab.key), "knownHosts": str(lab.known_hosts), "user": lab.user}
        render.result_json(
            {"running": found.running, "nodes": nodes, "registry": found.registry, "faked": list(found.faked), **paths}
        )
        return
    for item in found.machines:
        render.line(f"{item.name:20} {item.address:15} {'running' if item.alive else 'off'}")
    if not found.machines:
        render.line(f"there are no nodes of {lab.name}")
        return
    render.line(f"registry             {found.registry}")
    for text in found.faked:
        render.line(f"faked                {text}")
    render.line(f"ssh -F {lab.ssh_config} {found.machines[0].name}")
