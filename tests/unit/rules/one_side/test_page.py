"""The page about what runs on one side only tells what the tool does."""

from __future__ import annotations

from pathlib import Path

from migrator.rules.one_side.page import lines

PAGE = Path(__file__).parents[4] / "docs" / "one-side.md"


def test_the_page_has_the_table_of_the_tool() -> None:
    """Word by word; print `lines()` to renew it."""
    assert "\n".join(lines()) in PAGE.read_text()
