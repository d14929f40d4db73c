"""A request has one limit, however often a byte of its answer comes."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import ssl
from pathlib import Path

import pytest

from migrator.adapters.clock import SystemClock
from migrator.errors import UnavailableError
from migrator.kube.access import Access
from migrator.kube.slow import SLOWEST, LimitedSocket
from migrator.kube.transport import Transport
from migrator.testbed.planes.certs import make_authority
from tests.support.threads import in_thread


class Dripping(socketserver.BaseRequestHandler):
    """A server that says one byte whenever it is asked whether it still lives, and never ends."""

    said = b"HTTP/1.1 200 OK\r\nX: "

    def handle(self) -> None:
        """Send the beginning of an answer, and then byte by byte until the client hangs up."""
        self.request.recv(65536)
        self.request.sendall(self.said)
        with contextlib.suppress(OSError):
            while not select.select([self.request], [], [], 0.01)[0]:
                self.request.sendall(b"x")


class DrippingBody(Dripping):
    """The same once the head of the answer is there."""

    said = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"


@pytest.mark.parametrize("handler", [Dripping, DrippingBody])
@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_drips_is_given_up(handler: type[Dripping], tls: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Each byte is in time for a limit of one read; together they would hold a verb for ever."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as running:
        running.daemon_threads = True
        context = _tls_of(running, tmp_path) if tls else None
        with in_thread(running):
            transport = Transport(
                Access("127.0.0.1", running.server_address[1], "", context, dict, server_name="localhost"),
                "green",
                clock=SystemClock(),
                timeout=0.3,
            )
            with pytest.raises(UnavailableError, match="timed out"):
                transport.send("GET", "/")


def test_an_answer_that_is_long_and_comes_fast_enough_is_read_to_its_end() -> None:
    """The limit grows with what comes: a page of large objects over a slow line is none that drips."""
    sockets = socket.socketpair()
    limited = LimitedSocket(fileno=sockets[0].detach())
    with limited, sockets[1] as peer:
        limited.begin(30, SystemClock())
        before = limited._ends_at
        peer.sendall(b"x" * SLOWEST)
        room = bytearray(SLOWEST)
        count = limited.recv_into(room)
        assert limited._ends_at - before == pytest.approx(count / SLOWEST)


def _tls_of(running: socketserver.TCPServer, folder: Path) -> ssl.SSLContext:
    """Let a server speak TLS; return the context of a client that knows it."""
    authority = make_authority(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server", "kube-apiserver", server=True))
    running.socket = context.wrap_socket(running.socket, server_side=True)
    client = ssl.create_default_context(cafile=folder / "ca.crt")
    client.check_hostname = False
    return client
