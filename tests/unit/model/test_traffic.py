"""Counters of a load balancer."""

from __future__ import annotations

from migrator.model.traffic import SideCounters


def counters(requests: int, errors: int) -> SideCounters:
    """Return counters."""
    return SideCounters(requests, errors, latency_ms=1.0, sessions=0)


def test_counts_are_of_the_time_between_two_readings() -> None:
    """Latency and sessions are of now."""
    assert counters(10, 3).since(counters(4, 1)) == counters(6, 2)


def test_a_restart_of_the_load_balancer_begins_at_zero() -> None:
    """Counts that have fallen are those since the restart, never negative."""
    assert counters(5, 1).since(counters(100, 50)) == counters(5, 1)
    assert counters(101, 0).since(counters(100, 50)) == counters(1, 0)


def test_errors_without_requests_are_a_failure() -> None:
    """Refused connections are counted without a request; silence is no error."""
    assert [counters(*pair).error_rate for pair in ((4, 1), (0, 1), (0, 0))] == [0.25, 1.0, 0.0]
