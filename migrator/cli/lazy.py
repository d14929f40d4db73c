"""A group of verbs that imports only the verb that is called, so that `--help` is fast."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group of verbs, each a module of a package with a `command`."""

    def __init__(
        self,
        *,
        package: str,
        verbs: Mapping[str, str],
        groups: frozenset[str] = frozenset(),
        absent: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        """Take the verbs with their summaries, in the order of `--help`; a verb in `groups` is a folder with a `verbs.py`.

        `absent` are verbs that this installation does not have, with what to do.
        """
        super().__init__(**settings)
        self._package, self._verbs, self._groups = package, verbs, groups
        self._absent = absent or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in order of use."""
        del ctx
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a verb."""
        del ctx
        if cmd_name not in self._verbs:
            return None
        module = f"{cmd_name}.verbs" if cmd_name in self._groups else cmd_name
        command: click.Command = importlib.import_module(f"{self._package}.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl(list(self._verbs.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the verb that a mistyped one resembles."""
        import difflib

        if ctx.resilient_parsing:  # a shell completes a line, and an error would be printed into it
            return super().resolve_command(ctx, args)
        if args[0] in self._absent:
            ctx.fail(self._absent[args[0]])
        if args[0] not in self._verbs and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self._verbs, n=1)
            suggestion = f", did you mean {near[0]}?" if near else f"; there are {', '.join(self._verbs)}"
            ctx.fail(f"no verb {args[0]!r}{suggestion}")
        return super().resolve_command(ctx, args)
