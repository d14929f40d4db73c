"""What a person sees of a step while it is watched. Reads values only."""

from __future__ import annotations

from migrator.migration.gates import Window
from migrator.model.events import SideSeen, Watched
from migrator.model.traffic import Abilities, SideCounters


def watched(percent: float, window: Window, can: Abilities, *, passed: float, soak: float, wanted: int) -> Watched:
    """Return the view of a step: `passed` of `soak` seconds are over, and green should have answered `wanted` requests."""
    waits = []
    if passed < soak:
        waits.append(f"{soak - passed:.0f} s more")
    if can.counters and window.green.requests < wanted:
        waits.append(f"{wanted} requests on green")
    if can.uncounted:
        waits.append("the probes")
    sides = (("green", percent, window.green), ("blue", 100 - percent, window.blue)) if can.counters else ()
    late = f"; waits for {waits[0]}" if passed >= soak and can.counters and window.green.requests < wanted else ""
    return Watched(
        text=f"{percent:g} %: {window if can.counters else 'judged by probes'}{late}",
        done=int(passed),
        total=int(soak),
        percent=percent,
        sides=tuple(_side(name, share, side, passed) for name, share, side in sides),
        waits_for=", ".join(waits),
    )


def _side(name: str, share: float, side: SideCounters, passed: float) -> SideSeen:
    per_second = side.requests / passed if passed > 0 else 0.0
    return SideSeen(name, share, side.sessions, side.requests, per_second, side.error_rate, side.latency_ms)
