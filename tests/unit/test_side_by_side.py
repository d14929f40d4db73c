"""Several questions at once have their answers in the order of the questions."""

from __future__ import annotations

import threading

import pytest

from migrator.side_by_side import side_by_side


def test_all_are_asked_at_once() -> None:
    """Each waits until the other has been asked, too."""
    both = threading.Barrier(2)

    def asked(name: str) -> str:
        both.wait(timeout=30)
        return name

    assert side_by_side(lambda: asked("a"), lambda: asked("b")) == ["a", "b"]
    assert side_by_side() == []


def test_the_first_that_fails_is_the_one_that_is_told() -> None:
    """In the order of the questions, whichever fails sooner."""

    def fail(name: str) -> str:
        raise ValueError(name)

    with pytest.raises(ValueError, match="a"):
        side_by_side(lambda: "good", lambda: fail("a"), lambda: fail("b"))
