"""How many requests fly at once: more while answers are quick, fewer when the server asks for it."""

from __future__ import annotations

import threading

import pytest

from migrator.kube.throttle import Throttle
from tests.support.clock import FakeClock


def answers(throttle: Throttle, clock: FakeClock, seconds: float, *, count: int = 1) -> None:
    """Make requests one after the other, each answered after this time."""
    for _ in range(count):
        with throttle.slot():
            clock.pass_time(seconds)


def lose(throttle: Throttle, clock: FakeClock) -> None:
    """Make a request that fails after a minute."""
    with throttle.slot():
        clock.pass_time(60)
        raise TimeoutError


def test_it_starts_low_and_never_over_the_highest() -> None:
    """A highest below the start is the start."""
    assert (Throttle(32, FakeClock()).limit, Throttle(4, FakeClock()).limit) == (8, 4)


def test_quick_answers_raise_the_limit_to_the_highest() -> None:
    """By one with each, so that it doubles in a round trip."""
    clock = FakeClock()
    throttle = Throttle(16, clock, start=4)
    answers(throttle, clock, 0.01, count=4)
    assert throttle.limit == 8
    answers(throttle, clock, 0.01, count=100)
    assert throttle.limit == 16


def test_a_server_that_has_said_429_gets_more_again_by_one_in_a_round_trip() -> None:
    """As many answers as fly at once raise the limit by one."""
    clock = FakeClock()
    throttle = Throttle(16, clock, start=8)
    throttle.throttled()
    answers(throttle, clock, 0.01, count=5)
    assert throttle.limit == 5


@pytest.mark.parametrize(("seconds", "wanted"), [(0.001, 33), (0.05, 82), (0.5, 128)])
def test_a_far_server_gets_as_many_as_its_latency_asks_for(seconds: float, wanted: int) -> None:
    """More of them are on their way; that a loaded server is slow later asks for no more."""
    clock = FakeClock()
    throttle = Throttle(128, clock)
    answers(throttle, clock, seconds)
    answers(throttle, clock, seconds * 2, count=10_000)
    assert (throttle.wanted, throttle.limit) == (wanted, wanted)


def test_each_429_halves_the_limit_down_to_one() -> None:
    """One request always flies, so that an end of the throttling is noticed."""
    throttle = Throttle(16, FakeClock(), start=8)
    limits = []
    for _ in range(5):
        throttle.throttled()
        limits.append(throttle.limit)
    assert limits == [4, 2, 1, 1, 1]


def test_slow_answers_lower_the_limit() -> None:
    """A server that took 10 ms and now takes three seconds has too much to do."""
    clock = FakeClock()
    throttle = Throttle(16, clock, start=8)
    answers(throttle, clock, 0.01)
    answers(throttle, clock, 3.0, count=20)
    assert throttle.limit < 8


def test_a_failed_request_frees_its_slot_and_teaches_nothing() -> None:
    """An error after a long wait is not a latency."""
    clock = FakeClock()
    throttle = Throttle(1, clock)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            lose(throttle, clock)
    assert throttle.limit == 1
    answers(throttle, clock, 0.01)
    assert throttle.limit == 1


def test_no_more_than_the_limit_are_inside() -> None:
    """Threads wait for a slot until one is freed."""
    throttle = Throttle(2, FakeClock())
    inside, most, lock, full = 0, 0, threading.Lock(), threading.Barrier(2)

    def request() -> None:
        nonlocal inside, most
        with throttle.slot():
            with lock:
                inside += 1
                most = max(most, inside)
            # Two must be inside at once, or the barrier breaks.
            full.wait(timeout=30)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=request) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert (most, full.broken) == (2, False)
