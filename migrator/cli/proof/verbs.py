"""`migrator proof`: its verb, in the module of its name."""

from __future__ import annotations

import click

from migrator.cli.lazy import LazyGroup

_VERBS = {"verify": "Compute a proof again from its entries, and compare a folder with it."}


@click.group("proof", cls=LazyGroup, package="migrator.cli.proof", verbs=_VERBS)
def command() -> None:
    """Check the proofs that `migrator data finish` writes; no cluster and no network is needed."""
