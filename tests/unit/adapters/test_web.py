"""A GET has one limit of time, one of size, and goes only where its caller allows."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from migrator.adapters.web import Address, Answer, Deadline, get, plain
from tests.support.clock import FakeClock
from tests.support.web import Asked, Reply, serving


def anywhere(_: Address) -> None:
    """Refuse no address."""


def ask(url: str, *, clock: FakeClock | None = None, most: int = 1000) -> Answer:
    """Ask with a limit of ten seconds."""
    clock = clock or FakeClock()
    return get(url, {"X-Word": "w"}, deadline=Deadline(clock, clock.monotonic() + 10), most=most, require=anywhere)


@contextmanager
def dripping(clock: FakeClock, head: bytes) -> Iterator[str]:
    """Serve an answer that comes byte by byte, four seconds each, and never ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                try:
                    connection.sendall(head)
                    while True:
                        clock.pass_time(4.0)
                        connection.sendall(b"x")
                except OSError:
                    return  # the client has gone

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join(30)
        assert not thread.is_alive()


def test_status_headers_and_body_come_back() -> None:
    """A redirect is an answer and is not followed."""
    seen: list[Asked] = []

    def answer(asked: Asked) -> Reply:
        seen.append(asked)
        return Reply(302, b"body", {"Location": "/x"})

    with serving(answer) as web:
        found = ask(f"http://{web.address}/a?b=c")
    assert (found.status, found.body, found.headers["Location"]) == (302, b"body", "/x")
    assert (seen[0].path, seen[0].headers["x-word"]) == ("/a?b=c", "w")


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"])
def test_an_answer_that_drips_ends_at_the_deadline(head: bytes) -> None:
    """Each read gets only what is left, in the headers as in the body."""
    clock = FakeClock()
    with dripping(clock, head) as url, pytest.raises(TimeoutError):
        ask(url, clock=clock)
    assert clock.monotonic() >= 10


def test_an_answer_that_is_too_long_is_refused() -> None:
    """It is read to the limit and no further."""
    with serving(lambda _: Reply(body=b"x" * 1001)) as web:
        assert len(ask(f"http://{web.address}/", most=1001).body) == 1001
        with pytest.raises(ValueError, match="longer than 1000 bytes"):
            ask(f"http://{web.address}/")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/", "http://", "http://user:word@x/", "//x/"])
def test_only_plain_web_addresses_are_asked(url: str) -> None:
    """No file, no other protocol, no credentials in an address."""
    with pytest.raises(ValueError, match="not an http:// or https:// address"):
        ask(url)


def test_an_address_is_judged_before_it_is_connected_to() -> None:
    """The name is resolved once: what was judged is what is used."""

    def refuse(address: Address) -> None:
        raise PermissionError(str(address))

    with serving(lambda _: Reply()) as web:
        with pytest.raises(PermissionError, match=r"127\.0\.0\.1|::1"):
            get(f"http://localhost:{web.port}/", {}, deadline=Deadline(FakeClock(), 10), most=1, require=refuse)
        assert web.asked == []


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("::ffff:169.254.169.254", "169.254.169.254"),
        ("64:ff9b::a9fe:a9fe", "169.254.169.254"),
        ("2002:7f00:1::", "127.0.0.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_ipv4_behind_ipv6_is_seen(address: str, meant: str) -> None:
    """Otherwise it would pass as public."""
    assert plain(ipaddress.ip_address(address)) == ipaddress.ip_address(meant)
