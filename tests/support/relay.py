"""A server before a real API server that carries requests out and loses the answers that a test names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson

from migrator.errors import ApiError
from migrator.kube.transport import Transport
from tests.support.threads import in_thread

Loses = Callable[[str, str, bytes], bool]
"""Method, path and body to whether the answer is lost."""


@contextmanager
def relay(transport: Transport, loses: Loses) -> Iterator[str]:
    """Serve what the API server answers, and yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its head

        def _carry(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            content, accept = self.headers.get("Content-Type", ""), self.headers.get("Accept", "")
            try:
                answer = transport.send(self.command, self.path, sent or None, content=content, accept=accept)
                status, data, date = answer.status, answer.body, answer.headers.get("date", "")
            except ApiError as error:
                body = {"kind": "Status", "reason": error.reason, "message": error.message}
                status, data, date = error.status, orjson.dumps(body), ""
            if loses(self.command, self.path, sent):
                self.close_connection = True
                return
            self.send_response_only(status)
            self.send_header("Date", date)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _carry  # noqa: N815 - names of http.server

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running, in_thread(running):
        running.daemon_threads = True
        yield f"http://127.0.0.1:{running.server_address[1]}"
