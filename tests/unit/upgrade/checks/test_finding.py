"""Short forms for what checks find."""

from __future__ import annotations

import pytest

from migrator.model.verdict import CheckName, Severity
from migrator.upgrade.checks.finding import fail, some, warn


@pytest.mark.parametrize(
    ("names", "shown"),
    [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b, c"), (["a", "b", "c", "d", "e"], "a, b, c and 2 more")],
)
def test_many_names_are_cut_and_counted(names: list[str], shown: str) -> None:
    """A line stays one that can be read; whatever can be iterated will do."""
    assert some(iter(names)) == shown


def test_a_finding_is_as_severe_as_its_name() -> None:
    """Only a failure keeps a hop from beginning, and only it must have a hint."""
    assert fail(CheckName.DISK, "n", "full", "make room").severity is Severity.FAILURE
    assert (warn(CheckName.DISK, "n", "nearly full").severity, warn(CheckName.DISK, "n", "nearly full").hint) == (
        Severity.WARNING,
        "",
    )
