"""`migrator init`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import click

from migrator.cli import render
from migrator.errors import ConfigError


def _context(_context: click.Context, _option: click.Parameter, given: str) -> str:
    # A shell's variable that is not set: the file's current context would be taken, and may be another one tomorrow.
    if not given:
        raise click.BadParameter("names no context")
    return given


def _name(_context: click.Context, _option: click.Parameter, given: str) -> str:
    from migrator.config.way_back import NAME

    if not re.fullmatch(NAME, given):
        raise click.BadParameter(f"{given!r} is not a name: lower case letters, digits and -, at most 63")
    return given


@click.command("init")
@click.option("--blue", required=True, metavar="CONTEXT", callback=_context, help="Context of the cluster that you have.")
@click.option("--green", required=True, metavar="CONTEXT", callback=_context, help="Context of the cluster at the new version.")
@click.option(
    "--kubeconfig",
    default="~/.kube/config",
    show_default=True,
    envvar="KUBECONFIG",
    help="File that holds both contexts; KUBECONFIG may list several, as for kubectl.",
)
@click.option("--name", default="migration", show_default=True, callback=_name, help="Name of the migration.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("migration.yaml"),
    show_default=True,
    help="File to write.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
def command(blue: str, green: str, kubeconfig: str, name: str, out: Path, force: bool) -> None:  # noqa: FBT001
    """Write a commented migration.yaml from what blue and green hold, and files of their hosts where blue has volumes.

    Nothing on a cluster is changed.
    """
    from migrator.adapters.clock import SystemClock
    from migrator.kube.access import file_of, load_access
    from migrator.kube.cluster import KubeCluster
    from migrator.migration.propose import propose
    from migrator.migration.session import require_two
    from migrator.wiring.access import warn_of

    if out.exists() and not force:
        raise ConfigError([f"{out}: is there already"], hint="--force overwrites it, --out names another file")
    screen = render.Screen()
    files = _files(kubeconfig)
    given = {side: (file_of(context, files, cluster=side), context) for side, context in (("blue", blue), ("green", green))}
    clusters = [
        KubeCluster(side, warn_of(load_access(file, context, cluster=side, relative_to=Path()), screen), clock=SystemClock())
        for side, (file, context) in given.items()
    ]
    access = {side: (str(Path(file).expanduser().absolute()), context) for side, (file, context) in given.items()}
    proposal = propose(clusters[0], clusters[1], name=name, blue_access=access["blue"], green_access=access["green"])
    proposal.require_meaning(str(out))
    require_two(*(cluster.identity() for cluster in clusters))
    out.write_text(proposal.text, encoding="utf-8")
    written = _write_hosts(proposal.hosts, out.parent, force=force)
    for text in proposal.omitted:
        render.line(render.word("warning"), f" left out, cannot be the registry of an image: {text}")
    render.line(f"{out} written; look through it, then run `migrator plan`")
    for file in written:
        render.line(f"{out.parent / file} written, for `migrator data`; look through it, too")


def _files(kubeconfig: str) -> list[str]:
    source = click.get_current_context().get_parameter_source("kubeconfig")
    if source is not click.core.ParameterSource.ENVIRONMENT:
        return [kubeconfig]
    # An empty part is what `KUBECONFIG=$KUBECONFIG:FILE` leaves where it was not set before.
    return [part for part in kubeconfig.split(os.pathsep) if part] or [kubeconfig]


def _write_hosts(files: Mapping[str, str], folder: Path, *, force: bool) -> list[str]:
    """Write the files of hosts that are not there yet, and return their names."""
    new = [name for name in files if force or not (folder / name).exists()]
    for name in new:
        (folder / name).write_text(files[name], encoding="utf-8")
    return new
