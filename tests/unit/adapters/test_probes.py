"""A probe that is not answered as it should be, within its timeout, is a failure."""

from __future__ import annotations

import socket
from typing import Any

import pytest

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
    found = ask(tcp={"host": "127.0.0.1", "port": port})
    assert found.severity is Severity.FAILURE
    assert "refused" in found.reason


def test_a_command_probe_is_judged_by_its_exit_code() -> None:
    """What a failing one says stands in the finding."""
    assert ask(command=["true"]).severity is Severity.OK
    found = ask(command=["sh", "-c", "echo no apples; exit 3"])
    assert found.severity is Severity.FAILURE
    assert "no apples" in found.reason
