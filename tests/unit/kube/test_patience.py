"""429, 503 and broken connections, against a real HTTP server that misbehaves on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from migrator.errors import ForbiddenError, ThrottledError, UnavailableError
from migrator.kube.access import Access
from migrator.kube.cluster import KubeCluster
from migrator.kube.throttle import Throttle
from migrator.ports import Clock
from tests.support.clock import FakeClock
from tests.support.objects import resource
from tests.support.threads import in_thread

Answer = tuple[int, dict[str, str], bytes]
WIDGETS = resource("example.com", "v1", "Widget")
GOOD: Answer = (200, {}, b'{"major":"1","minor":"37+","gitVersion":"v1.37.2"}')


@contextmanager
def server(
    answers: list[Answer | None], *, patience: float = 1.5, clock: Clock | None = None, ready: list[int] | None = None
) -> Iterator[tuple[KubeCluster, list[str]]]:
    """Serve these answers in turn (None: hang up), then good ones; yield a client and the requests seen.

    What asks whether the server is ready is answered by `ready`, and is not seen.
    """
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its head

        def do_GET(self) -> None:
            answer: Answer | None
            if self.path == "/readyz":
                answer = ((ready or [503])[0], {}, b"")
            else:
                seen.append(self.headers.get("Authorization", ""))
                answer = answers.pop(0) if answers else GOOD
            if answer is None:
                self.close_connection = True
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    tokens = iter(["old", "new", "newer"])
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running, in_thread(running):
        running.daemon_threads = True
        access = Access("127.0.0.1", running.server_address[1], "", None, lambda: {"Authorization": f"Bearer {next(tokens)}"})
        yield KubeCluster("green", access, clock=clock or FakeClock(), patience=patience, first_patience=patience), seen


@pytest.mark.parametrize(
    "answer",
    [(429, {"Retry-After": "0"}, b""), (503, {"Retry-After": "0"}, b""), (500, {}, b""), None],
    ids=["429", "503", "500", "hang-up"],
)
def test_passing_faults_are_waited_out(answer: Answer | None) -> None:
    """Too many requests, a restart and a lost connection are tried again."""
    with server([answer, answer]) as (cluster, seen):
        assert cluster.version() == (1, 37, "v1.37.2")
    assert len(seen) == 3


def test_patience_ends() -> None:
    """A server that never recovers is an error with its words, not a hang."""
    words, clock = b'{"kind":"Status","reason":"TooManyRequests","message":"slow down"}', FakeClock()
    throttled: list[Answer | None] = [(429, {"Retry-After": "1"}, words)] * 50
    with server(throttled, clock=clock) as (cluster, _), pytest.raises(ThrottledError, match="slow down"):
        cluster.version()
    with server([(500, {}, b"{}")] * 50, clock=clock) as (cluster, _), pytest.raises(UnavailableError):
        cluster.version()
    assert 2 <= clock.monotonic() <= 3


def test_an_outage_is_waited_out_once() -> None:
    """What is asked after the patience has ended is tried once, not for as long again; an answer gives the patience back."""
    lost: Answer = (500, {}, b"{}")
    answers: list[Answer | None] = [GOOD, *[lost] * 60]
    with server(answers, patience=60, clock=FakeClock()) as (cluster, seen):
        cluster.version()
        with pytest.raises(UnavailableError):
            cluster.version()
        before = len(seen)
        with pytest.raises(UnavailableError):
            cluster.version()
        assert len(seen) == before + 1
        answers.clear()
        cluster.version()
        answers.append(lost)
        assert cluster.version() == (1, 37, "v1.37.2")


EMPTY: Answer = (200, {}, b'{"items":[],"metadata":{}}')
LOST: Answer = (500, {}, b'{"kind":"Status","message":"conversion webhook for example.com/v1, Kind=Widget failed"}')


def test_a_group_whose_server_is_gone_is_waited_for_once() -> None:
    """While the API server is ready: 20 s for all kinds of the group together, also where `Retry-After` asks for more."""
    clock, answers = FakeClock(), list[Answer | None]()
    with server(answers, patience=120, clock=clock, ready=[200]) as (cluster, seen):
        cluster.version()
        answers += [LOST, (503, {"Retry-After": "600"}, b""), *[LOST] * 60]
        with pytest.raises(UnavailableError, match="conversion webhook"):
            list(cluster.list(WIDGETS))
        assert clock.monotonic() == 20
        before = len(seen)
        with pytest.raises(UnavailableError):
            list(cluster.list(resource("example.com", "v1", "Gadget")))
        assert (len(seen), clock.monotonic()) == (before + 1, 20)


def test_a_group_whose_server_is_gone_costs_no_patience_with_the_api_server() -> None:
    """It may restart right after: then it has all of its own."""
    clock, answers, ready = FakeClock(), list[Answer | None](), [200]
    with server(answers, patience=120, clock=clock, ready=ready) as (cluster, _):
        cluster.version()
        answers += [LOST] * 60
        with pytest.raises(UnavailableError):
            list(cluster.list(WIDGETS))
        ready[0] = 503
        answers[:] = [None] * 25
        began = clock.monotonic()
        assert cluster.version() == (1, 37, "v1.37.2")
        assert 100 < clock.monotonic() - began < 120
        ready[0] = 200
        answers[:] = [LOST, LOST, EMPTY]
        clock.pass_time(1000)
        assert list(cluster.list(resource("apps", "v1", "Deployment"))) == []


def test_a_server_behind_that_comes_back_is_forgiven() -> None:
    """Its next outage is waited for again."""
    clock, answers = FakeClock(), list[Answer | None]()
    with server(answers, patience=120, clock=clock, ready=[200]) as (cluster, _):
        cluster.version()
        for _ in range(3):
            answers += [LOST, LOST, LOST, EMPTY]
            assert list(cluster.list(WIDGETS)) == []
            clock.pass_time(15)


def test_expired_credentials_are_asked_for_once_more() -> None:
    """A 401 is answered with fresh credentials, a second one is final."""
    with server([(401, {}, b"")]) as (cluster, seen):
        cluster.version()
    assert seen == ["Bearer old", "Bearer new"]
    with server([(401, {}, b"")] * 3) as (cluster, _), pytest.raises(ForbiddenError):
        cluster.version()


def test_a_server_that_has_just_started_may_forbid_everything() -> None:
    """Until it is ready its RBAC is not read: a 403 passes then; from a ready server it is final."""
    forbidden: Answer = (403, {}, b"")
    with server([forbidden], patience=30) as (cluster, seen):
        assert cluster.version() == (1, 37, "v1.37.2")
    assert len(seen) == 2
    with server([forbidden, forbidden], ready=[200]) as (cluster, _), pytest.raises(ForbiddenError):
        cluster.version()


def test_bodies_never_reach_messages() -> None:
    """What is not a Status may hold data and is not shown; a Status is cut."""
    with (
        server([(403, {}, b"password=hunter2")] * 2, ready=[200]) as (cluster, _),
        pytest.raises(ForbiddenError) as caught,
    ):
        cluster.version()
    assert "hunter2" not in caught.value.message


def test_throttle_halves_and_recovers() -> None:
    """A 429 halves the number of requests in flight; quick answers raise it again, up to the cap."""
    clock = FakeClock()
    throttle = Throttle(16, clock, start=8)
    throttle.throttled()
    assert throttle.limit == 4
    for _ in range(400):
        with throttle.slot():
            clock.pass_time(0.001)
    assert 4 < throttle.limit <= 16
