"""A connection is used again by whoever comes next, and ends with the credentials that it was opened with."""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from migrator.adapters.clock import SystemClock
from migrator.adapters.proxies import Proxy
from migrator.errors import UnavailableError
from migrator.kube.access import Access
from migrator.kube.transport import UNSENT_MILLISECONDS, Transport
from tests.support.threads import in_thread


def test_fresh_credentials_are_shown_on_a_new_connection() -> None:
    """A client certificate belongs to its connection: after a 401 the old one is of no use (kubernetes#66632)."""
    ports: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its head

        def do_GET(self) -> None:
            ports.append(self.client_address[1])
            self.send_response(401 if self.headers["Authorization"] == "Bearer old" and len(ports) > 1 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    tokens = iter(["old", "new"])
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running, in_thread(running):
        running.daemon_threads = True
        access = Access("127.0.0.1", running.server_address[1], "", None, lambda: {"Authorization": f"Bearer {next(tokens)}"})
        transport = Transport(access, "green", clock=SystemClock())
        for _ in range(3):
            assert transport.send("GET", "/").status == 200
    first, refused, again, last = ports
    assert (first == refused, again == last, refused != again) == (True, True, True)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux can be told")
def test_what_a_lost_network_does_not_take_is_given_up() -> None:
    """A write that waits in the kernel would arrive when the network is back, after the lock was lost."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = Transport(Access("127.0.0.1", server.getsockname()[1], "", None, dict), "green", clock=SystemClock())
        connection = transport._opened()
        assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNSENT_MILLISECONDS
        connection.close()


def numbered(*, hang_up: Callable[[int], bool] = lambda _: False) -> tuple[type[BaseHTTPRequestHandler], list[int]]:
    """Return a handler whose connections are told apart by their ports, and end after the requests that `hang_up` names."""
    ports: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its head

        def do_GET(self) -> None:
            ports.append(self.client_address[1])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = hang_up(len(ports))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Handler, ports


@contextmanager
def reached(handler: type[BaseHTTPRequestHandler]) -> Iterator[tuple[Transport, socketserver.BaseServer]]:
    """Serve, and yield how to reach it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running, in_thread(running):
        running.daemon_threads = True
        yield Transport(Access("127.0.0.1", running.server_address[1], "", None, dict), "green", clock=SystemClock()), running


def test_a_connection_is_used_again_by_another_thread() -> None:
    """Phases have threads of their own, and a new connection over a long way costs three round trips."""
    handler, ports = numbered()
    with reached(handler) as (transport, _):
        for _ in range(3):
            thread = threading.Thread(target=transport.send, args=("GET", "/"))
            thread.start()
            thread.join()
    assert (len(ports), len(set(ports))) == (3, 1)


def test_an_idle_connection_that_the_server_has_ended_costs_no_request() -> None:
    """Servers end what is idle for long; a request on it would fail, and nobody would know whether it was carried out."""
    handler, ports = numbered(hang_up=lambda count: count == 1)
    with reached(handler) as (transport, _):
        transport.send("GET", "/")
        # Until the end of it has come: then it can be read.
        assert select.select([transport._idle[0].sock], [], [], 30)[0]
        transport.send("GET", "/")
    assert len(set(ports)) == 2


def test_what_ends_one_connection_ends_all_that_are_idle() -> None:
    """A server that was restarted has ended all of them, and each would cost a request."""
    handler, _ = numbered()
    with reached(handler) as (transport, _):
        first, second = transport._opened(), transport._opened()
        transport._idle += [first, second]
        second.sock.shutdown(socket.SHUT_WR)
        with pytest.raises(UnavailableError, match="did not answer"):
            transport._attempt(second, "GET", "/", None, "", "")
        assert (transport._idle, first.sock) == ([], None)


def test_a_request_goes_through_a_socks_proxy() -> None:
    """As through `ssh -D`; a proxy that refuses is told, and its connection closed."""
    answers = [b"\x05\x00\x00\x01" + bytes(6), b"\x05\x02\x00\x01" + bytes(6)]
    heard: list[bytes] = []

    class Proxying(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(3)
            self.request.sendall(b"\x05\x00")
            heard.append(self.request.recv(64))
            self.request.sendall(answer := answers.pop(0))
            if answer[1] == 0:
                heard.append(self.request.recv(1024).split(b"\r\n")[0])
                self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    with socketserver.TCPServer(("127.0.0.1", 0), Proxying) as running, in_thread(running):
        proxy = Proxy("127.0.0.1", running.server_address[1], socks=True)
        transport = Transport(Access("api.inner", 80, "", None, dict, proxy=proxy), "green", clock=SystemClock())
        assert transport.send("GET", "/version").body == b"ok"
        with pytest.raises(UnavailableError, match=r"green at api\.inner:80 cannot be reached: .*it does not allow it"):
            transport.send("GET", "/version")
    asked = b"\x05\x01\x00\x03\x09api.inner\x00\x50"
    assert heard == [asked, b"GET /version HTTP/1.1", asked]
