"""The verbs, and the process that runs one of them."""

from __future__ import annotations

import gc
import importlib.util
import sys
from typing import Any

import click

from migrator import __version__
from migrator.cli.boundary import guarded
from migrator.cli.lazy import LazyGroup
from migrator.cli.streams import STREAMS

_VERBS = {
    "init": "Write a commented migration.yaml from what two clusters hold.",
    "plan": "Show what would happen to every object of blue.",
    "diff": "Show how green would change, field by field; nothing is written.",
    "copy": "Copy blue's objects to green; run again, only what changed.",
    "validate": "Check whether green is ready for the traffic.",
    "prepare": "Shorten how long clients may stay behind after a cutover (the TTL of a name).",
    "cutover": "Move traffic to green in steps, watched by gates.",
    "data": "Copy the data of volumes to green, prove it, bring it back: plan, copy, finish, back, status, clean.",
    "proof": "Check proofs of volumes, without a cluster.",
    "rollback": "Move all traffic back to blue, at once.",
    "retire": "Archive blue and close the migration.",
    "advise": "Recommend a migration, an upgrade in place, or neither, with reasons.",
    "upgrade": "Upgrade a cluster in place: plan, run, finish, resume, abort, rollback, status, report.",
    "status": "Show the state of the migration.",
    "report": "Write the migration's report as one HTML page and JSON.",
    "schema": "Print the JSON Schema of migration.yaml for editors.",
    "completion": "Print the completion script of a shell.",
    "packages": "Build packages of Kubernetes and CRI-O, and publish them.",
    "testbed": "Real control planes on this machine, for experiments.",
}

# Verbs that are groups of verbs: a folder each.
_GROUPS = frozenset({"upgrade", "data", "proof", "packages", "testbed"})
# The verb that is not part of the wheel.
_CHECKOUT_ONLY = "testbed"


def verbs() -> dict[str, str]:
    """Return what there is to call, with its line of help: the testbed only where its code is."""
    there = importlib.util.find_spec(f"migrator.cli.{_CHECKOUT_ONLY}") is not None
    return {name: line for name, line in _VERBS.items() if there or name != _CHECKOUT_ONLY}


def _absent() -> dict[str, str]:
    return {
        name: f"{name} is part of the source checkout: run .venv/bin/migrator {name} there, after `make install`"
        for name in _VERBS.keys() - verbs().keys()
    }


@click.group(
    cls=LazyGroup,
    package="migrator.cli",
    verbs=verbs(),
    absent=_absent(),
    groups=_GROUPS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="migrator")
def group() -> None:
    """Move a Kubernetes cluster to a new version without fear.

    Blue is the cluster that you have, green is the one at the new version. The tool writes to blue only what it
    announces, and rollback is instant until retire.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""

    def run() -> None:
        options: dict[str, Any] = {"standalone_mode": False, "prog_name": "migrator"}
        code = group.main(arguments, **options)
        if isinstance(code, int) and code:
            raise click.exceptions.Exit(code)

    # Modules and manifests are many containers without cycles; the garbage collector would traverse them without result.
    gc.set_threshold(200_000, 20, 20)
    STREAMS.install()
    sys.exit(guarded(run, last=True))
