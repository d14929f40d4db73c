"""Connections that live for hours: WebSockets, and streams of HTTP/2 as gRPC has them; each side answers with its name."""

from __future__ import annotations

import contextlib
import http
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

PATIENCE_SECONDS = 30.0
_QUIET = logging.getLogger("tests.quiet")
_QUIET.disabled = True


Talk = Callable[[], str]
"""Asks over a connection that stays, and returns the name of the side at its other end; nothing where it has ended."""


@contextmanager
def web_sockets(name: str) -> Iterator[int]:
    """Run a service of WebSockets that answers ordinary requests, too; yield its port."""

    def talk(connection: ServerConnection) -> None:
        for _ in connection:
            connection.send(name)

    def plain(connection: ServerConnection, request: Request) -> Response | None:
        return None if "Upgrade" in request.headers else connection.respond(http.HTTPStatus.OK, f"{name}\n")

    server: Server = serve(talk, "127.0.0.1", 0, process_request=plain, logger=_QUIET)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        thread.join(timeout=PATIENCE_SECONDS)


@contextmanager
def web_socket(port: int) -> Iterator[Talk]:
    """Open a WebSocket."""
    with connect(f"ws://127.0.0.1:{port}/", open_timeout=PATIENCE_SECONDS, close_timeout=1, logger=_QUIET) as connection:

        def say() -> str:
            try:
                connection.send("who?")
                return str(connection.recv(timeout=PATIENCE_SECONDS))
            except ConnectionClosed:
                return ""

        yield say


@contextmanager
def streams(name: str) -> Iterator[int]:
    """Run a service of HTTP/2 without TLS; yield its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=_answer, args=(connection, name), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=PATIENCE_SECONDS)


def _answer(connection: socket.socket, name: str) -> None:
    """Answer each message on each stream of one connection."""
    state = H2Connection(H2Configuration(client_side=False))
    state.initiate_connection()
    with connection, contextlib.suppress(OSError, ProtocolError):
        connection.sendall(state.data_to_send())
        while data := connection.recv(65536):
            for event in state.receive_data(data):
                if isinstance(event, RequestReceived):
                    state.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc")])
                elif isinstance(event, DataReceived) and event.data:
                    state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    state.send_data(event.stream_id, name.encode())
            connection.sendall(state.data_to_send())


@contextmanager
def stream(port: int) -> Iterator[Talk]:
    """Open a stream that stays open in both directions."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
    state = H2Connection(H2Configuration(client_side=True))
    state.initiate_connection()
    number = state.get_next_available_stream_id()
    head = [(":method", "POST"), (":path", "/shop.Shop/Watch"), (":scheme", "http"), (":authority", "shop")]
    state.send_headers(number, [*head, ("content-type", "application/grpc"), ("te", "trailers")])
    connection.sendall(state.data_to_send())

    def say() -> str:
        try:
            state.send_data(number, b"who?")
            connection.sendall(state.data_to_send())
            while data := connection.recv(65536):
                for event in state.receive_data(data):
                    if isinstance(event, DataReceived):
                        state.acknowledge_received_data(event.flow_controlled_length, number)
                        return event.data.decode()
                    if isinstance(event, (StreamReset, StreamEnded, ConnectionTerminated)):
                        return ""
                connection.sendall(state.data_to_send())
        except (ConnectionError, ProtocolError):
            return ""
        return ""

    with connection:
        yield say
