"""What may be said of a program that moves traffic."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from migrator.config.command import CommandConfig

EDGE = {"name": "edge", "set": ["./edge", "set", "{percent}"], "read": ["./edge", "read"]}


def test_it_can_set_every_share_and_counts_nothing_unless_the_file_says_otherwise() -> None:
    """The careful reading of what is left out."""
    found = CommandConfig.model_validate(EDGE)
    assert (found.levels, found.counters, found.places) == ((), False, ("command edge",))
    assert CommandConfig.model_validate({**EDGE, "shares": False}).levels == (0, 100)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"set": ["./edge", "set"]}, "no argument holds {percent}"),
        ({"set": ["{percent}"]}, "no argument holds {percent}"),
        ({"set": "./edge {percent}"}, "valid tuple"),
        ({"read": []}, "at least 1 item"),
        ({"name": "a\x1bb"}, "should match pattern"),
    ],
)
def test_what_cannot_be_is_refused(more: dict[str, Any], words: str) -> None:
    """A program is a list of words: there is no shell."""
    with pytest.raises(ValidationError, match=words):
        CommandConfig.model_validate({**EDGE, **more})
