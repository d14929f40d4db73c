"""The machine's own time."""

from __future__ import annotations

import os
import time
from pathlib import Path

_IMPORTED = time.monotonic()
# Index of `starttime` among the fields behind the program's name (proc_pid_stat(5): field 22, in clock ticks after boot).
_STARTED = 19


def _boottime() -> float:
    # Linux has it; on macOS CLOCK_MONOTONIC itself goes on during sleep.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SystemClock:
    """Fills the `Clock` port."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
    boottime = staticmethod(_boottime)
    sleep = staticmethod(time.sleep)


def process_age() -> float:
    """Return the seconds since this process was started; where the system does not tell, since this module was imported."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started = int(fields[_STARTED]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, ValueError, IndexError, AttributeError):
        return time.monotonic() - _IMPORTED
