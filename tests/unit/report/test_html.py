"""The page of a migration."""

from __future__ import annotations

from migrator.report.html import table, utc
from tests.support.hostile import HOSTILE


def test_cells_are_text() -> None:
    """Whatever a cluster calls its objects, no cell opens an element."""
    for text in HOSTILE:
        assert "<script" not in table(("name",), [(text,)])
        assert "<img" not in table(("name",), [(text,)])


def test_times_are_utc() -> None:
    """Seconds since 1970."""
    assert utc(86400 + 3661) == "1970-01-02 01:01:01"
