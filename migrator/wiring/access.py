"""How a cluster is reached, and what a person is told of that."""

from __future__ import annotations

from migrator.kube.access import Access
from migrator.model.events import Note
from migrator.ports import Reporter


def warn_of(access: Access, reporter: Reporter) -> Access:
    """Say why credentials are not safe on this way, before any are sent."""
    if access.warning:
        reporter.emit(Note(access.warning, warning=True))
    return access
