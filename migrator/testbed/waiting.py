"""Wait for what the testbed has started."""

from __future__ import annotations

import time
from collections.abc import Callable

from migrator.errors import MigratorError

PATIENCE_SECONDS = 300.0
"""Long enough for a machine whose processors are busy with something else. A wait ends as soon as what it is for has come."""


def wait(come: Callable[[], bool], failure: Callable[[], MigratorError], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return once something has come; raises what `failure` returns when it does not within `seconds`.

    `come` raises when it cannot come any more.
    """
    deadline = time.monotonic() + seconds
    while not come():
        if time.monotonic() > deadline:
            raise failure()
        time.sleep(0.05)
