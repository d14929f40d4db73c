"""Counters of a load balancer."""

from __future__ import annotations

from migrator.model.traffic import SideCounters, TrafficReading


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


def reading(**parts: tuple[int, int]) -> TrafficReading:
    """Return the sum of instances whose green has counted so many requests and errors, and whose blue the double."""
    each = {
        name: TrafficReading(50, counters(2 * requests, 2 * errors), counters(requests, errors), {})
        for name, (requests, errors) in parts.items()
    }
    return TrafficReading(
        50,
        SideCounters.added(item.blue for item in each.values()),
        SideCounters.added(item.green for item in each.values()),
        {},
        parts=each,
    )


def test_each_instance_counts_for_itself() -> None:
    """One that restarts does not hide what the others count: the sum has grown all the same."""
    green, blue = reading(lb1=(150, 3), lb2=(5, 1)).since(reading(lb1=(100, 2), lb2=(10, 0)))
    assert (green.requests, green.errors, blue.requests, blue.errors) == (55, 2, 110, 4)


def test_an_instance_that_goes_or_comes_counts_nothing() -> None:
    """Its counts would be of another time than the step: the sum falls, and looks like a restart."""
    green, _ = reading(lb1=(150, 3)).since(reading(lb1=(100, 2), lb2=(1000, 900)))
    assert (green.requests, green.errors) == (50, 1)
    green, _ = reading(lb1=(150, 3), lb2=(1000, 900)).since(reading(lb1=(100, 2)))
    assert (green.requests, green.errors) == (50, 1)
    assert reading(lb2=(5, 0)).since(reading(lb1=(5, 0)))[0].requests == 0
