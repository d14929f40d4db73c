"""Verbs are imported when they are called."""

from __future__ import annotations

import click

from migrator.cli.lazy import LazyGroup

GROUP = LazyGroup(
    package="migrator.cli", verbs={"schema": "Print the schema.", "upgrade": "Upgrade."}, groups=frozenset({"upgrade"})
)
CONTEXT = click.Context(GROUP)


def test_a_verb_is_the_command_of_its_module() -> None:
    """A group of verbs is a folder; what is not listed is not a verb."""
    assert GROUP.list_commands(CONTEXT) == ["schema", "upgrade"]
    assert all(isinstance(GROUP.get_command(CONTEXT, name), click.Command) for name in ("schema", "upgrade"))
    assert GROUP.get_command(CONTEXT, "wiring") is None
