"""A pass is tried again where its connection was cut, and its last line tells a machine how it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from migrator.volumes.agent.channel import SourceError
from migrator.volumes.agent.transfer import Say, TransferError

SHORT_PAUSES = (2.0, 10.0, 30.0)
"""Seconds between tries."""
LONG_PAUSES = (*SHORT_PAUSES, 60.0, 120.0, 300.0)


def attempt(
    run: Callable[[], dict[str, Any]],
    say: Say,
    connect_anew: Callable[[], None],
    *,
    pauses: tuple[float, ...] = SHORT_PAUSES,
) -> dict[str, Any]:
    """Run a pass, again by a new connection where that was cut; raises what the last attempt raised."""
    for pause in pauses:
        try:
            return run()
        except (TransferError, SourceError) as error:
            if not error.lost:
                raise
            say(f"{error}; again in {pause:.0f} s")
            time.sleep(pause)
            connect_anew()
    return run()


def result_line(document: dict[str, Any]) -> str:
    """Return the last line of a pass, which a machine reads."""
    return "RESULT " + json.dumps(document)
