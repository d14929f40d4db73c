"""An answer that is not the expected one is an error with HAProxy's own words."""

from __future__ import annotations

import socketserver
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.errors import TrafficError
from migrator.traffic.runtime_api import RuntimeApi
from tests.support.clock import FakeClock
from tests.support.runtime_api import FakeHAProxy, answering


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[FakeHAProxy]:
    """Serve the API."""
    with answering(FakeHAProxy(tmp_path)) as running:
        yield running


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("No such server.\n\n", "No such server."),
        ("unheard of\n", "unheard of"),
        ("\x1b[2J\n", r"\\x1b\[2J"),
        ("\xff\n", "\ufffd"),
        ("", "no answer, so nobody knows whether it was done"),
    ],
)
def test_a_change_succeeds_only_with_an_empty_line(haproxy: FakeHAProxy, answer: str, words: str) -> None:
    """HAProxy has no codes; any word is a refusal, and no byte at all is a HAProxy that went away."""
    haproxy.answers["set"] = answer
    with pytest.raises(TrafficError, match=words):
        RuntimeApi(haproxy.folder / "s", FakeClock()).tell("set server shop/green weight 5")
    haproxy.answers["set"] = "\n"
    RuntimeApi(haproxy.folder / "s", FakeClock()).tell("set server shop/green weight 5")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("# pxname,sv", "cut off after 11 characters"),
        ("# pxname,svname\nshop,blue\n", "cut off"),
        ("Unknown command: 'show stat'\n\n", "Unknown command"),
        ("", "an empty answer"),
        ("Permission denied\n\n", "Permission denied"),
    ],
)
def test_what_is_read_must_be_whole(haproxy: FakeHAProxy, answer: str, words: str) -> None:
    """A reload can cut an answer at any byte; a table without its end is none."""
    haproxy.answers["show"] = answer
    with pytest.raises(TrafficError, match=words):
        RuntimeApi(haproxy.folder / "s", FakeClock()).show("show stat", begins="# pxname")


def test_a_long_answer_is_quoted_in_part(haproxy: FakeHAProxy) -> None:
    """A terminal is not for what somebody else may fill."""
    haproxy.answers["set"] = "x" * 9999 + "\n"
    with pytest.raises(TrafficError) as caught:
        RuntimeApi(haproxy.folder / "s", FakeClock()).tell("set")
    assert len(caught.value.message) < 300


def test_a_socket_without_the_level_of_an_admin_is_told(haproxy: FakeHAProxy) -> None:
    """The words are HAProxy's, the cure is ours."""
    haproxy.answers["set"] = "Permission denied\n\n"
    with pytest.raises(TrafficError, match="Permission denied") as caught:
        RuntimeApi(haproxy.folder / "s", FakeClock()).tell("set server shop/green weight 5")
    assert "level admin" in caught.value.hint


def test_a_socket_that_nobody_serves_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    """The first was left by a HAProxy that ended."""
    lost = RuntimeApi(tmp_path / "s", FakeClock())
    with pytest.raises(TrafficError, match="no such socket"):
        lost.tell("set")
    with socketserver.UnixStreamServer(str(tmp_path / "s"), socketserver.StreamRequestHandler):
        pass
    with pytest.raises(TrafficError, match="nobody listens"):
        lost.tell("set")
