"""A verb gets its options as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import click
import pytest

from migrator.cli.options import takes


@dataclass(slots=True, frozen=True)
class Inner:
    """A group of options within another one."""

    size: Annotated[int, click.option("--size", type=int, default=1)]


@dataclass(slots=True, frozen=True)
class Outer:
    """All options of the verb of this test but one."""

    name: Annotated[str, click.option("--name", required=True)]
    inner: Inner
    loud: Annotated[bool, click.option("--loud", is_flag=True)]


def made(seen: list[object]) -> click.Command:
    """Return a verb that keeps what it gets."""

    @click.command("verb")
    @takes(Outer)
    @click.option("--more", default="")
    def verb(options: Outer, more: str) -> None:
        """Do it."""
        seen.extend((options, more))

    return verb


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--name", "a"], [Outer("a", Inner(1), loud=False), ""]),
        (["--loud", "--size", "7", "--name", "b", "--more", "c"], [Outer("b", Inner(7), loud=True), "c"]),
    ],
)
def test_options_arrive_as_one_value_beside_the_verb_s_own(arguments: list[str], wanted: list[object]) -> None:
    """Groups within groups are filled, too, and defaults are click's."""
    seen: list[object] = []
    made(seen).main(arguments, standalone_mode=False)
    assert seen == wanted


def test_help_lists_options_in_the_order_of_the_fields() -> None:
    """A group stands where its field stands, the verb's own options after all of them."""
    verb = made([])
    assert [item.name for item in verb.params] == ["name", "size", "loud", "more"]
