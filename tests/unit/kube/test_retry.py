"""Which errors of an API server are waited out, and for how long; no test waits itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from migrator.errors import ApiError, ConflictError, ThrottledError, UnavailableError
from migrator.kube.retry import patiently
from tests.support.clock import FakeClock


class Server:
    """Raises these errors in turn, then answers."""

    def __init__(self, *errors: ApiError) -> None:
        self._errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        """Answer one call."""
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return "answer"


def busy(retry_after: float = 3.0) -> ThrottledError:
    """Return a 429."""
    return ThrottledError("busy", status=429, reason="TooManyRequests", retry_after=retry_after)


def down(reason: str = "") -> UnavailableError:
    """Return a 503, or a connection that failed for a reason."""
    return UnavailableError("down", status=503, reason=reason)


def test_the_wait_doubles_to_five_seconds() -> None:
    """A server that restarts is asked often at first, then seldom."""
    clock = FakeClock()
    assert patiently(Server(*[down() for _ in range(7)]), clock, limit=60) == "answer"
    assert clock.slept == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_retry_after_is_obeyed_and_reported() -> None:
    """The server names the pause, and each time is counted, so that fewer requests follow."""
    clock, halved = FakeClock(), list[bool]()
    assert patiently(Server(busy(7), busy(0)), clock, limit=60, on_throttle=lambda: halved.append(True)) == "answer"
    assert (clock.slept, len(halved)) == ([7, 0.1], 2)


@pytest.mark.parametrize("error", [busy, down])
def test_patience_has_an_end(error: Callable[[], ApiError]) -> None:
    """The last error is raised once the limit is over, and not later."""
    clock = FakeClock()
    with pytest.raises(type(error())):
        patiently(Server(*[error() for _ in range(100)]), clock, limit=31)
    assert clock.monotonic() == 31


def test_retry_after_does_not_reach_past_the_limit() -> None:
    """What is left is waited, then a last try decides."""
    server, clock = Server(busy(3600), busy(3600)), FakeClock()
    with pytest.raises(ThrottledError):
        patiently(server, clock, limit=4)
    assert (clock.slept, server.calls) == ([4], 2)


def test_something_else_can_end_the_patience_early() -> None:
    """It is asked after each failure."""
    clock = FakeClock()
    with pytest.raises(UnavailableError):
        patiently(Server(*[down() for _ in range(100)]), clock, limit=60, left=lambda: 10 - clock.monotonic())
    assert clock.monotonic() == 10


@pytest.mark.parametrize(
    "error",
    [ConflictError("taken", status=409), down("SSLCertVerificationError"), down("gaierror")],
    ids=["conflict", "wrong-certificate", "unknown-name"],
)
def test_what_cannot_pass_is_raised_at_once(error: ApiError) -> None:
    """A conflict, a wrong certificate and an unknown name stay so."""
    server, clock = Server(error), FakeClock()
    with pytest.raises(type(error)):
        patiently(server, clock, limit=60)
    assert (server.calls, clock.slept) == (1, [])


def test_a_refused_eviction_is_an_answer() -> None:
    """Its 429 means a budget, not a load; a 503 is waited out all the same."""
    server = Server(down(), busy())
    with pytest.raises(ThrottledError):
        patiently(server, FakeClock(), limit=60, retry_throttled=False)
    assert server.calls == 2
