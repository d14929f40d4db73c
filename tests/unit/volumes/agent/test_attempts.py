"""What is tried again, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.volumes.agent.attempts import attempt, result_line
from migrator.volumes.agent.channel import SourceError
from migrator.volumes.agent.transfer import TransferError


def test_a_lost_connection_is_tried_again_and_nothing_else() -> None:
    """Each time by a new connection; a full disk is the same at the second attempt."""
    calls: list[int] = []
    lines: list[int] = []

    def lost_twice() -> dict[str, Any]:
        calls.append(1)
        if len(calls) < 3:
            raise SourceError("cut", lost=True)
        return {"done": True}

    assert attempt(lost_twice, lambda _: None, lambda: lines.append(len(calls)), pauses=(0.0, 0.0)) == {"done": True}
    assert lines == [1, 2]

    def full() -> dict[str, Any]:
        calls.append(1)
        raise TransferError("full", full=True)

    with pytest.raises(TransferError):
        attempt(full, lambda _: None, lambda: lines.append(9), pauses=(0.0,))
    assert (len(calls), lines) == (4, [1, 2])


def test_the_last_line_is_for_a_machine() -> None:
    """On one line, whatever is in it."""
    assert result_line({"error": "a\nb\udcff"}) == 'RESULT {"error": "a\\nb\\udcff"}'
