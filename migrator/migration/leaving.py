"""Wait until clients have left a side by themselves, for a limited time; it decides nothing, and ends no connection."""

from __future__ import annotations

from collections.abc import Callable

from migrator.migration.run import Run
from migrator.model.events import Event, Progress
from migrator.ports import TrafficSwitch

# Connections end by themselves in seconds to hours.
_LOOK_SECONDS = 1.0


def wait_until_left(switch: TrafficSwitch, run: Run, limit: float, show: Callable[[Event], None]) -> dict[str, int]:
    """Return what is open on green, by server, when it is nothing, `limit` seconds are over, or a person ends the wait.

    Raises TrafficError when the load balancer does not tell.
    """
    ends = run.clock.monotonic() + limit
    try:
        with run.interruptions.let_through():
            while (still_open := switch.read().green_sessions) and (left := ends - run.clock.monotonic()) > 0:
                show(Progress(f"{counted(still_open)} on green", int(limit - left), int(limit)))
                run.clock.sleep(min(_LOOK_SECONDS, left))
    except KeyboardInterrupt:
        return switch.read().green_sessions
    return still_open


def wait_until_blue_is_left(switch: TrafficSwitch, run: Run, limit: float) -> dict[str, int]:
    """Return what is open on blue, by server, when it is nothing, `limit` seconds are over, or a person ends the wait.

    Raises TrafficError.
    """
    ends = run.clock.monotonic() + limit
    try:
        while (still_open := switch.read().blue_sessions) and (left := ends - run.clock.monotonic()) > 0:
            run.reporter.emit(Progress(f"{counted(still_open)} on blue", int(limit - left), int(limit)))
            run.clock.sleep(min(_LOOK_SECONDS, left))
    except KeyboardInterrupt:
        return switch.read().blue_sessions
    return still_open


def counted(connections: dict[str, int]) -> str:
    """Return how many connections there are, and on which servers."""
    servers = ", ".join(f"{name} {count}" for name, count in connections.items())
    return f"{sum(connections.values())} open connections ({servers})"
