"""The machine's own time."""

from __future__ import annotations

import time


class SystemClock:
    """Fills the `Clock` port."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)
