"""One connection a thread, which ends with the credentials that it was opened with."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from migrator.kube.access import Access
from migrator.kube.transport import Transport


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
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        access = Access("127.0.0.1", running.server_address[1], "", None, lambda: {"Authorization": f"Bearer {next(tokens)}"})
        transport = Transport(access, "green")
        for _ in range(3):
            assert transport.send("GET", "/").status == 200
        running.shutdown()
    first, refused, again, last = ports
    assert (first == refused, again == last, refused != again) == (True, True, True)
