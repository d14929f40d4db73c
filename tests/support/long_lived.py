"""Connections that live for hours, WebSockets and calls of gRPC; each side answers with its name."""

from __future__ import annotations

import http
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

from migrator.testbed.balancer import Load

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
def calls(name: str) -> Iterator[int]:
    """Run a gRPC service without TLS: a call that streams in both directions, and one that has one answer; yield its port."""

    def watch(questions: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
        return (name.encode() for _ in questions)

    methods = {
        "Watch": grpc.stream_stream_rpc_method_handler(watch),
        "Ask": grpc.unary_unary_rpc_method_handler(lambda *_: name.encode()),
    }
    server = grpc.server(ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.Shop", methods)])
    port: int = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait(PATIENCE_SECONDS)


@contextmanager
def _channel(port: int) -> Iterator[grpc.Channel]:
    """Open a connection of its own: else calls to one address share one."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        yield channel


@contextmanager
def streaming_call(port: int) -> Iterator[Talk]:
    """Make a call that stays open in both directions."""
    questions: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    with _channel(port) as channel:
        answers = channel.stream_stream("/shop.Shop/Watch")(iter(questions.get, None), wait_for_ready=True)

        def say() -> str:
            questions.put(b"who?")
            try:
                return str(next(answers).decode())
            except (grpc.RpcError, StopIteration):
                return ""

        try:
            yield say
        finally:
            questions.put(None)
            answers.cancel()


@contextmanager
def unary_calls(port: int, *, pause: float = 0.01) -> Iterator[Load]:
    """Make one call after the other on one connection until the block ends."""
    seen, done = Load(), threading.Event()

    def call_on() -> None:
        with _channel(port) as channel:
            ask = channel.unary_unary("/shop.Shop/Ask")
            while not done.wait(pause):
                began = time.monotonic()
                try:
                    seen.count(began, ask(b"who?", timeout=PATIENCE_SECONDS, wait_for_ready=True).decode(), "")
                except grpc.RpcError as error:
                    seen.count(began, "", str(error.code()))

    thread = threading.Thread(target=call_on, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join(timeout=PATIENCE_SECONDS)
