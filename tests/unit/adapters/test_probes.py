"""Probes and hooks of a person: their answers, their limits."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.probes import ShellRunner, SystemProber
from migrator.config.schema import Probe
from migrator.errors import CommandFailedError
from migrator.model.verdict import Severity


class Page(BaseHTTPRequestHandler):
    """Answers 503 with the header `X-Word` of the request."""

    def do_GET(self) -> None:
        """Answer."""
        body = (self.headers.get("X-Word") or "").encode()
        self.send_response(503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def served() -> Iterator[int]:
    """Serve the page and give its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def asked(**fields: Any) -> tuple[Severity, str]:
    """Return what came of a probe."""
    found = SystemProber().probe(Probe.model_validate({"name": "p", **fields}))
    return found.severity, found.reason


def test_an_http_probe_judges_status_and_body() -> None:
    """Whatever status is expected is good, with the headers of the probe."""
    with served() as port:
        page = {"url": f"http://127.0.0.1:{port}/", "status": 503, "headers": {"X-Word": "all is well"}}
        assert asked(http={**page, "body": "is w.ll"}) == (Severity.OK, "")
        assert asked(http={**page, "body": "sick"}) == (Severity.FAILURE, "the body does not contain 'sick'")
        assert asked(http={**page, "status": 200}) == (Severity.FAILURE, "answered 503, not 200")


def test_a_tcp_probe_needs_a_listener() -> None:
    """A port where nobody listens is a failure."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert asked(tcp={"host": "127.0.0.1", "port": port}) == (Severity.OK, "")
    assert asked(tcp={"host": "127.0.0.1", "port": port})[0] is Severity.FAILURE


def test_a_command_probe_is_good_with_exit_code_0() -> None:
    """What it said stands in the finding."""
    assert asked(command=["true"]) == (Severity.OK, "")
    severity, reason = asked(command=["sh", "-c", "echo no luck; exit 4"])
    assert severity is Severity.FAILURE
    assert "no luck" in reason


def test_all_that_a_command_started_ends_at_the_timeout(tmp_path: Path) -> None:
    """A child that stays behind would hold the output open for ever."""
    line = tmp_path / "line"
    os.mkfifo(line)
    # Only the child that stays behind has the other end of the line open.
    with pytest.raises(CommandFailedError, match=r"not done within 1 s"):
        ShellRunner().run(("sh", "-c", f"exec 3<>{line}; sleep 1000 & wait"), 1.0)
    with pytest.raises(OSError, match="No such device"):
        os.open(line, os.O_WRONLY | os.O_NONBLOCK)


def test_a_command_that_is_not_there_is_said() -> None:
    """It is an error like that of any command."""
    with pytest.raises(CommandFailedError, match="No such file"):
        ShellRunner().run(("no-such-program",), 5)
