"""`migrator data`: its verbs, each in the module of its name."""

from __future__ import annotations

import click

from migrator.cli.lazy import LazyGroup

_VERBS = {
    "plan": "Show which way the data of each claim takes, its size, and why one cannot be copied.",
    "copy": "Copy volumes to green while blue serves; run again, only what changed.",
    "finish": "Copy the last difference while the workload is stopped, and prove that both sides are equal.",
    "back": "Copy to blue what green has written since, and prove it.",
    "status": "Show what was copied and proven, from the journal alone.",
    "clean": "End what still runs on hosts, and remove what is kept there.",
}


@click.group("data", cls=LazyGroup, package="migrator.cli.data", verbs=_VERBS)
def command() -> None:
    """Copy the data of volumes from blue's hosts to green's, over SSH between them (docs/volumes.md).

    The hosts are named in `volumes.hosts` of migration.yaml. Blue's volumes are only read, but by `back`.
    """
