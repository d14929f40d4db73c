"""Weights and counters of blue and green at a load balancer."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, frozen=True)
class SideCounters:
    """Counters of one side since the load balancer started."""

    requests: int
    errors: int
    """5xx answers, refused connections, broken responses, and requests that were sent to another server instead."""
    latency_ms: float
    """Average response time over the load balancer's last 1,024 requests; of plain TCP, the average time to connect."""
    sessions: int
    """Requests in flight, or connections that are open, now."""

    def since(self, earlier: SideCounters) -> SideCounters:
        """Return the counts since `earlier`; after a restart of the load balancer, the counts since the restart."""
        restarted = self.requests < earlier.requests
        requests = self.requests if restarted else self.requests - earlier.requests
        errors = self.errors if restarted else max(0, self.errors - earlier.errors)
        # HAProxy counts a connection that is reset twice; more than all requests cannot have failed.
        errors = min(errors, requests) if requests else errors
        return SideCounters(requests=requests, errors=errors, latency_ms=self.latency_ms, sessions=self.sessions)

    @property
    def error_rate(self) -> float:
        """Errors per request, 0 to 1."""
        return self.errors / self.requests if self.requests else (1.0 if self.errors else 0.0)


@dataclass(slots=True, frozen=True)
class TrafficReading:
    """Weights and counters at one moment."""

    green_percent: float
    blue: SideCounters
    green: SideCounters
    servers: dict[str, int]
    """Weight of each server, as the load balancer reports it; 0 for one that is drained or in maintenance."""
    green_sessions: dict[str, int] = field(default_factory=dict)
    """What is open on each server of green; those without are left out."""


@dataclass(slots=True, frozen=True)
class Withdrawal:
    """All traffic has been moved to blue."""

    reading: TrafficReading
    """What was read back; its `green_sessions` are still open."""
    ended: dict[str, int]
    """Connections and requests that were open on green and were ended, by server."""
