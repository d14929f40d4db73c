"""Judge one step of a cutover by what the load balancer counted in it. Reads values only."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.config.schema import Gates
from migrator.errors import GateFailedError
from migrator.model.traffic import SideCounters

ENOUGH_TO_COMPARE = 20
"""Requests from which on a rate is judged before the soak time is over, or compared with the other side's."""


@dataclass(slots=True, frozen=True)
class Window:
    """Both sides' counters since the step began."""

    green: SideCounters
    blue: SideCounters

    def __str__(self) -> str:
        return f"green {_told(self.green)}; blue {_told(self.blue)}"


def judge(window: Window, gates: Gates) -> None:
    """Raise GateFailedError when green fails too often or answers too slowly, by the limits, or compared with blue."""
    green, blue = window.green, window.blue
    # Errors before latency: an answer that fails is mostly a quick one.
    if green.error_rate > gates.error_rate:
        share = f"{green.error_rate:.1%}; gates.errorRate is {gates.error_rate:.1%}"
        raise GateFailedError(f"{green.errors} of {green.requests} requests on green failed ({share})")
    if gates.latency is not None and green.requests and green.latency_ms > gates.latency.total_seconds() * 1000:
        limit = gates.latency.total_seconds() * 1000
        raise GateFailedError(f"green answers in {green.latency_ms:.0f} ms (gates.latency is {limit:.0f} ms)")
    if min(green.requests, blue.requests) >= ENOUGH_TO_COMPARE:
        _compare(green, blue, gates)


def require_enough(green: SideCounters, percent: float, gates: Gates) -> None:
    """Raise GateFailedError when there were too few requests to prove anything."""
    if green.requests < gates.min_requests:
        raise GateFailedError(
            f"green answered {green.requests} requests at {percent:g} %, and gates.minRequests is {gates.min_requests}: "
            "nothing is proven",
            hint="is there traffic? gates.minRequests: 0 accepts silence",
        )


def _compare(green: SideCounters, blue: SideCounters, gates: Gates) -> None:
    more = green.error_rate - blue.error_rate
    if gates.error_rate_over_blue is not None and more > gates.error_rate_over_blue:
        rates = f"green fails {green.error_rate:.1%} of its requests, blue {blue.error_rate:.1%} in the same time"
        raise GateFailedError(f"{rates} (gates.errorRateOverBlue is {gates.error_rate_over_blue:.1%})")
    if gates.latency_times_blue is not None and green.latency_ms > blue.latency_ms * gates.latency_times_blue:
        times = f"green answers in {green.latency_ms:.0f} ms, blue in {blue.latency_ms:.0f} ms"
        raise GateFailedError(f"{times} (gates.latencyTimesBlue is {gates.latency_times_blue:g})")


def _told(side: SideCounters) -> str:
    return f"{side.requests} requests, {side.errors} errors, {side.latency_ms:.0f} ms"
