"""Only failures make a verdict bad."""

from __future__ import annotations

import pytest

from migrator.model.verdict import CheckName, Finding, Severity, Verdict


def verdict(*severities: Severity) -> Verdict:
    """Return a verdict with a finding of each severity."""
    return Verdict(tuple(Finding("parity", str(number), severity) for number, severity in enumerate(severities)), 1.0)


@pytest.mark.parametrize("severity", Severity)
def test_a_failure_is_bad_and_nothing_else_is(severity: Severity) -> None:
    """Warnings and what is unknown are listed beside a good verdict."""
    assert verdict(severity).good is (severity is not Severity.FAILURE)
    assert verdict(Severity.OK, severity, Severity.WARNING).good is (severity is not Severity.FAILURE)


def test_a_verdict_without_findings_is_good() -> None:
    """Everything was looked at, and nothing was found."""
    assert (verdict().good, verdict().failures) == (True, ())


def test_failures_are_told_in_the_order_that_they_were_found() -> None:
    """The others are left out."""
    found = verdict(Severity.FAILURE, Severity.WARNING, Severity.UNKNOWN, Severity.FAILURE).failures
    assert [item.subject for item in found] == ["0", "3"]


def test_names_of_checks_can_be_typed() -> None:
    """`--ignore` takes them: lower case and hyphens."""
    assert [name for name in CheckName if not name.replace("-", "").isalpha() or name != name.lower()] == []
