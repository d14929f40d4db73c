"""Weights and counters of blue and green at a load balancer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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

    @staticmethod
    def added(sides: Iterable[SideCounters]) -> SideCounters:
        """Return several as one: counts are added, the slowest latency counts."""
        each = tuple(sides)
        return SideCounters(
            requests=sum(side.requests for side in each),
            errors=sum(side.errors for side in each),
            latency_ms=max((side.latency_ms for side in each), default=0.0),
            sessions=sum(side.sessions for side in each),
        )

    @property
    def error_rate(self) -> float:
        """Errors per request, 0 to 1."""
        return self.errors / self.requests if self.requests else (1.0 if self.errors else 0.0)


NOTHING_COUNTED = SideCounters(0, 0, 0.0, 0)
"""The counters of a switch that has none."""


@dataclass(slots=True, frozen=True)
class Abilities:
    """What a switch can do; steps, gates and what a person is told follow from it."""

    levels: tuple[float, ...] = ()
    """The shares of green that it can set, in percent; empty: all."""
    counters: bool = True
    """Whether it counts requests and errors of each side."""
    uncounted: tuple[str, ...] = ()
    """Those of its parts that do not count; probes judge them."""
    stale_seconds: float = 0.0
    """How long clients may go on to where they went before, at most, such as by a cache of DNS answers."""

    @staticmethod
    def together(each: Iterable[Abilities]) -> Abilities:
        """Return what several switches can do that move together."""
        every = tuple(each)
        limited = [set(item.levels) for item in every if item.levels]
        return Abilities(
            levels=tuple(sorted(set.intersection(*limited))) if limited else (),
            counters=any(item.counters for item in every),
            uncounted=tuple(name for item in every for name in item.uncounted),
            stale_seconds=max((item.stale_seconds for item in every), default=0.0),
        )


@dataclass(slots=True, frozen=True)
class TrafficReading:
    """Weights and counters at one moment."""

    green_percent: float
    """Green's share; the largest, where several switches do not have the same."""
    blue: SideCounters
    green: SideCounters
    servers: dict[str, int]
    """Weight of each server, as the load balancer reports it; 0 for one that is drained or in maintenance."""
    green_sessions: dict[str, int] = field(default_factory=dict)
    """What is open on each server of green; those without are left out."""
    blue_sessions: dict[str, int] = field(default_factory=dict)
    """The same of blue."""
    least_percent: float | None = None
    """Green's smallest share, where several switches do not have the same."""
    parts: Mapping[str, TrafficReading] = field(default_factory=dict)
    """By name, the readings that this one is the sum of."""
    silent: tuple[str, ...] = ()
    """Parts that do not answer and are left out: nobody knows where they lead to."""

    def since(self, earlier: TrafficReading) -> tuple[SideCounters, SideCounters]:
        """Return what green and blue counted since `earlier`.

        Each part counts for itself, since one may restart while the others go on; one that answered only once is left out.
        """
        if not self.parts:
            return self.green.since(earlier.green), self.blue.since(earlier.blue)
        each = [part.since(earlier.parts[name]) for name, part in self.parts.items() if name in earlier.parts]
        return SideCounters.added(green for green, _ in each), SideCounters.added(blue for _, blue in each)

    @property
    def percents(self) -> tuple[float, float]:
        """Green's smallest and largest share."""
        return (self.green_percent if self.least_percent is None else self.least_percent, self.green_percent)


@dataclass(slots=True, frozen=True)
class Withdrawal:
    """All traffic has been moved to blue."""

    reading: TrafficReading
    """What was read back; its `green_sessions` are still open."""
    ended: dict[str, int]
    """Connections and requests that were open on green and were ended, by server."""
    missed: tuple[str, ...] = ()
    """What was not reached and may still lead to green, one sentence each."""
    stale_seconds: float = 0.0
    """How long clients may go on to green, at most."""
    lacking: tuple[str, ...] = ()
    """What of blue gets no traffic although it should, one sentence each."""


@dataclass(slots=True, frozen=True)
class FileChange:
    """A file of a load balancer's configuration that is about to be changed."""

    file: str
    """Where it is, and on which host."""
    copy: str
    """What it is now is kept in this file beside it."""
    lines: tuple[str, ...]
    """Those that change, as they will be."""
    shares: Mapping[str, int]
    """Weight of each server."""


Announce = Callable[[FileChange], None]
"""Says that a change is about to be made, and writes it down; what it raises keeps the change from being made."""
