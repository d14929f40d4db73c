"""Weights and counters of blue and green at a load balancer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class SideCounters:
    """Counters of one side since the load balancer started."""

    requests: int
    errors: int
    """5xx answers, refused connections and broken responses."""
    latency_ms: float
    """Average response time over the load balancer's last 1,024 requests."""
    sessions: int
    """Requests in flight now."""

    def since(self, earlier: SideCounters) -> SideCounters:
        """Return the counts since `earlier`; after a restart of the load balancer, the counts since the restart."""
        restarted = self.requests < earlier.requests
        return SideCounters(
            requests=self.requests if restarted else self.requests - earlier.requests,
            errors=self.errors if restarted else max(0, self.errors - earlier.errors),
            latency_ms=self.latency_ms,
            sessions=self.sessions,
        )

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
    """Weight of each server, as the load balancer reports it."""
