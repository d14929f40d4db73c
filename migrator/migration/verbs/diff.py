"""The order of `migrator diff`: read both sides, decide, ask green by dry runs."""

from __future__ import annotations

from migrator.migration.diff import ObjectDiff, diff
from migrator.migration.session import Session


def run_diff(session: Session) -> list[ObjectDiff]:
    """Return how each object on green would change, by dry runs; write nothing."""
    session.preflight()
    plan, green = session.read_and_plan()
    return diff(plan, session.green, green.live, session.run.reporter)
