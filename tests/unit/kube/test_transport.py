"""One connection a thread, which ends with the credentials that it was opened with."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from migrator.kube.access import Access
from migrator.kube.transport import UNSENT_MILLISECONDS, Transport
from tests.support.threads import in_thread


def test_fresh_credentials_are_shown_on_a_new_connection() -> None:
    """A client certificate belongs to its connection: after a 401 the old one is of no use (kubernetes#66632)."""
    ports: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

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
        transport = Transport(access, "green")
        for _ in range(3):
            assert transport.send("GET", "/").status == 200
    first, refused, again, last = ports
    assert (first == refused, again == last, refused != again) == (True, True, True)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux can be told")
def test_what_a_lost_network_does_not_take_is_given_up() -> None:
    """A write that waits in the kernel would arrive when the network is back, after the lock was lost."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = Transport(Access("127.0.0.1", server.getsockname()[1], "", None, dict), "green")
        connection = transport._connection()
        assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNSENT_MILLISECONDS
        connection.close()
