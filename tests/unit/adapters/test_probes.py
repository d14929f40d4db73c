"""A probe that is not answered as it should be, within its timeout, is a failure."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from migrator.adapters.probes import SystemProber
from migrator.config.schema import Probe
from migrator.model.verdict import Finding, Severity
from tests.support.web import Asked, Reply, serving


def ask(**fields: Any) -> Finding:
    """Ask a probe named `shop`."""
    return SystemProber().probe(Probe.model_validate({"name": "shop", **fields}))


def shop(asked: Asked) -> Reply:
    """Answer as a shop does."""
    if asked.headers.get("host") == "shop.example.com":
        return Reply(body=b"three apples")
    return Reply(302, headers={"Location": "/nowhere"})


@pytest.mark.parametrize(
    ("http", "reason"),
    [
        ({"headers": {"Host": "shop.example.com"}}, ""),
        ({"headers": {"Host": "shop.example.com"}, "body": "three \\w+"}, ""),
        ({"headers": {"Host": "shop.example.com"}, "body": "pears"}, "the body does not contain 'pears'"),
        ({"status": 302}, ""),
        ({}, "answered 302, not 200"),
    ],
)
def test_an_http_probe_judges_status_and_body(http: dict[str, Any], reason: str) -> None:
    """A redirect is an answer and is not followed; the body is searched with a regular expression."""
    with serving(shop) as web:
        found = ask(http={"url": f"http://{web.address}/", **http})
    assert (found.subject, found.severity, found.reason) == (
        "shop",
        Severity.FAILURE if reason else Severity.OK,
        reason,
    )


def test_silence_is_a_failure_at_the_timeout() -> None:
    """A server that takes the connection and says nothing is not good."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        found = ask(http={"url": f"http://127.0.0.1:{mute.getsockname()[1]}/"}, timeout="200ms")
    assert (found.severity, found.reason) == (Severity.FAILURE, "no answer within 0.2 s")


def test_a_tcp_probe_asks_for_a_connection_only() -> None:
    """A port that listens is good, a closed one is refused."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert ask(tcp={"host": "127.0.0.1", "port": port}).severity is Severity.OK
    with socket.socket() as silent:  # holds its port, so that nobody else listens there meanwhile
        silent.bind(("127.0.0.1", 0))
        found = ask(tcp={"host": "127.0.0.1", "port": silent.getsockname()[1]})
    assert found.severity is Severity.FAILURE
    assert "refused" in found.reason


def test_a_command_probe_is_judged_by_its_exit_code() -> None:
    """What a failing one says is shown, and not recorded; its arguments may hold secrets."""
    assert ask(command=["true"]).severity is Severity.OK
    found = ask(command=["sh", "-c", "echo no apples; exit 3"])
    assert found.severity is Severity.FAILURE
    assert (found.reason, found.said) == ("`sh` ended with 3", "no apples")


@pytest.mark.parametrize(
    "http",
    [
        {"url": "http://127.0.0.1:1/", "headers": {"Authorization": "Bearer hunter2\n"}},
        {"url": "http://127.0.0.1:1/hunter2 x"},
        {"url": "http://127.0.0.1:1/", "headers": {"Authorization": "Bearer hunter2"}},
    ],
)
def test_a_probe_that_cannot_be_asked_tells_no_secret(http: dict[str, Any]) -> None:
    """Python quotes headers and addresses in its errors."""
    found = ask(http=http)
    assert found.severity is Severity.FAILURE
    assert "hunter2" not in f"{found.reason}{found.said}"


@pytest.mark.parametrize("answer", [b"hunter2\r\n", b"HTTP/1.1 abc hunter2\r\n\r\n", b""])
def test_a_server_that_speaks_no_http_is_a_failure(answer: bytes) -> None:
    """It is what a probe is for, and no bug."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        found = ask(http={"url": f"http://127.0.0.1:{server.getsockname()[1]}/"})
        thread.join(30)
    assert found.severity is Severity.FAILURE
    assert "hunter2" not in found.reason


def test_an_address_with_a_password_is_refused_in_the_file() -> None:
    """It would be told in messages; a header is not."""
    with pytest.raises(ValidationError, match="holds a user or a password"):
        ask(http={"url": "https://ann:hunter2@shop.example.com/"})


def test_a_command_runs_in_the_folder_of_its_file(tmp_path: Path) -> None:
    """As hooks do."""
    (tmp_path / "ok").write_text("")
    probe = Probe.model_validate({"name": "p", "command": ["test", "-e", "ok"]})
    assert SystemProber(tmp_path).probe(probe).severity is Severity.OK
    assert SystemProber(tmp_path / "..").probe(probe).severity is Severity.FAILURE
