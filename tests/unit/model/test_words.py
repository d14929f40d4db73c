"""A list in a sentence stays short."""

from __future__ import annotations

import pytest

from migrator.model.words import some


@pytest.mark.parametrize(
    ("names", "shown"),
    [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b, c"), (["a", "b", "c", "d", "e"], "a, b, c and 2 more")],
)
def test_many_names_are_cut_and_counted(names: list[str], shown: str) -> None:
    """A line stays one that can be read; whatever can be iterated will do."""
    assert some(iter(names)) == shown


def test_how_many_are_shown_can_be_chosen() -> None:
    """Where a sentence has more room."""
    assert some("abcd", 4) == "a, b, c, d"
