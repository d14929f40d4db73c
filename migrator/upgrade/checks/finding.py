"""Short forms for what checks find."""

from __future__ import annotations

from migrator.model.verdict import CheckName, Finding, Severity


def fail(check: CheckName, subject: str, reason: str, hint: str) -> Finding:
    """Return a finding that must be seen to first."""
    return Finding(check, subject, Severity.FAILURE, reason, hint)


def warn(check: CheckName, subject: str, reason: str, hint: str = "") -> Finding:
    """Return a finding that a person should know of."""
    return Finding(check, subject, Severity.WARNING, reason, hint)
