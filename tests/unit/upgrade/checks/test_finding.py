"""Short forms for what checks find."""

from __future__ import annotations

from migrator.model.verdict import CheckName, Severity
from migrator.upgrade.checks.finding import fail, warn


def test_a_finding_is_as_severe_as_its_name() -> None:
    """Only a failure keeps a hop from beginning, and only it must have a hint."""
    assert fail(CheckName.DISK, "n", "full", "make room").severity is Severity.FAILURE
    assert (warn(CheckName.DISK, "n", "nearly full").severity, warn(CheckName.DISK, "n", "nearly full").hint) == (
        Severity.WARNING,
        "",
    )
