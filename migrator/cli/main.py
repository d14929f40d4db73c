"""The group of verbs; a verb's module is imported only when it is called, so that `--help` is fast."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from migrator import __version__
from migrator.cli.boundary import guarded

_VERBS = {
    "init": "Write a commented migration.yaml from what two clusters hold.",
    "plan": "Show what would happen to every object of blue.",
    "diff": "Show how green would change, field by field; nothing is written.",
    "copy": "Copy blue's objects to green; run again, only what changed.",
    "validate": "Check whether green is ready for the traffic.",
    "cutover": "Move traffic to green in steps, watched by gates.",
    "rollback": "Move all traffic back to blue, at once.",
    "retire": "Archive blue and close the migration.",
    "advise": "Recommend a migration, an upgrade in place, or neither, with reasons.",
    "upgrade": "Upgrade a cluster in place: plan, run, resume, abort, rollback, status, report.",
    "status": "Show the state of the migration.",
    "report": "Write the migration's report as one HTML page and JSON.",
    "schema": "Print the JSON Schema of migration.yaml for editors.",
    "completion": "Print the completion script of a shell.",
    "packages": "Build packages of Kubernetes and CRI-O, and publish them.",
    "testbed": "Real control planes on this machine, for experiments.",
}

_GROUPS = frozenset({"upgrade", "packages", "testbed"})
"""Verbs that are groups of verbs: a folder each."""


class LazyGroup(click.Group):
    """A group of verbs that imports only the verb that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in order of use."""
        del ctx
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a verb."""
        del ctx
        if cmd_name not in _VERBS:
            return None
        module = f"{cmd_name}.verbs" if cmd_name in _GROUPS else cmd_name
        command: click.Command = importlib.import_module(f"migrator.cli.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl(list(_VERBS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the verb that a mistyped one resembles."""
        import difflib

        if args[0] not in _VERBS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], _VERBS, n=1)
            ctx.fail(f"no verb {args[0]!r}" + (f", did you mean {near[0]}?" if near else f"; there are {', '.join(_VERBS)}"))
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="migrator")
def group() -> None:
    """Move a Kubernetes cluster to a new version without fear.

    Blue is the cluster that you have, green is the one at the new version. The tool writes to blue only what cutover
    announces, and rollback is instant until retire.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""

    def run() -> None:
        options: dict[str, Any] = {"standalone_mode": False, "prog_name": "migrator"}
        code = group.main(arguments, **options)
        if isinstance(code, int) and code:
            raise click.exceptions.Exit(code)

    sys.exit(guarded(run))
