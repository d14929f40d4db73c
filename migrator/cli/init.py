"""`migrator init`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from migrator.cli import render
from migrator.errors import ConfigError


@click.command("init")
@click.option("--blue", required=True, metavar="CONTEXT", help="Context of the cluster that you have.")
@click.option("--green", required=True, metavar="CONTEXT", help="Context of the cluster at the new version.")
@click.option(
    "--kubeconfig",
    default="~/.kube/config",
    show_default=True,
    envvar="KUBECONFIG",
    help="File that holds both contexts.",
)
@click.option("--name", default="migration", show_default=True, help="Name of the migration.")
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
    from migrator.kube.access import load_access
    from migrator.kube.cluster import KubeCluster
    from migrator.migration.propose import propose
    from migrator.wiring.access import warn_of

    if out.exists() and not force:
        raise ConfigError([f"{out}: is there already"], hint="--force overwrites it, --out names another file")
    screen = render.Screen()
    clusters = [
        KubeCluster(side, warn_of(load_access(kubeconfig, context, cluster=side, relative_to=Path()), screen), clock=SystemClock())
        for side, context in (("blue", blue), ("green", green))
    ]
    path = str(Path(kubeconfig).expanduser().absolute())
    proposal = propose(clusters[0], clusters[1], name=name, blue_access=(path, blue), green_access=(path, green))
    proposal.require_meaning(str(out))
    out.write_text(proposal.text, encoding="utf-8")
    written = _write_hosts(proposal.hosts, out.parent, force=force)
    for text in proposal.omitted:
        render.line(render.word("warning"), f" left out, cannot be the registry of an image: {text}")
    render.line(f"{out} written; look through it, then run `migrator plan`")
    for file in written:
        render.line(f"{out.parent / file} written, for `migrator data`; look through it, too")


def _write_hosts(files: Mapping[str, str], folder: Path, *, force: bool) -> list[str]:
    """Write the files of hosts that are not there yet, and return their names."""
    new = [name for name in files if force or not (folder / name).exists()]
    for name in new:
        (folder / name).write_text(files[name], encoding="utf-8")
    return new
