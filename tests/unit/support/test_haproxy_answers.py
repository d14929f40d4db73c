"""What real HAProxies of several versions have answered (tests/support/haproxy_answers.py), read as the adapter reads it."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import orjson
import pytest

from migrator.adapters.clock import SystemClock
from migrator.errors import TrafficError
from migrator.traffic.backend import STAT_BEGINS, STATE_BEGINS, Backend, counters, read_backend, read_stat, read_state
from migrator.traffic.restart import PID
from migrator.traffic.runtime_api import RuntimeApi
from migrator.traffic.suitability import PEERS
from tests.support.haproxy_answers import ANSWERS

RECORDED = sorted(ANSWERS.glob("*.json"))
Answers = Mapping[str, str]


class Recorded:
    """Fills the `Endpoint` port with one answer."""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    def connect(self, seconds: float) -> socket.socket:
        """Return a connection that has the answer already."""
        del seconds
        ours, theirs = socket.socketpair()
        theirs.sendall(self._answer.encode())
        theirs.shutdown(socket.SHUT_WR)
        theirs.detach()
        return ours


@pytest.fixture(params=RECORDED, ids=lambda path: path.stem)
def answers(request: pytest.FixtureRequest) -> Answers:
    """Return those of one version."""
    found: Answers = orjson.loads(request.param.read_bytes())
    return found


def api(answer: str) -> RuntimeApi:
    """Return the Runtime API that gives one answer."""
    return RuntimeApi(Recorded(answer), SystemClock())


def backend(answers: Answers, stat: str, state: str) -> Backend:
    """Return the backend at one time."""
    rows = read_stat(api(answers[stat]).show("show stat", begins=STAT_BEGINS), "shop")
    lines = read_state(api(answers[state]).show("show servers state shop", begins=STATE_BEGINS), "shop")
    return read_backend("shop", rows, lines)


def test_the_versions_are_those_of_the_guide() -> None:
    """A file that is lost would be no failure."""
    assert [path.stem for path in RECORDED] == ["2.4.0", "2.6.12", "2.8.25", "3.0.11", "3.2.26", "3.4.7"]


def test_weights_and_states_are_read(answers: Answers) -> None:
    """At first, with a weight that was set, and in maintenance."""
    first = backend(answers, "show stat", "show servers state shop")
    weighed = backend(answers, "show stat", "show servers state shop ")
    ended = backend(answers, "show stat ", "show servers state shop  ")
    assert (first.mode, first.algorithm) == ("http", "roundrobin")
    assert [{name: server.share for name, server in one.servers.items()} for one in (first, weighed, ended)] == [
        {"blue": 100, "green": 0},
        {"blue": 100, "green": 25},
        {"blue": 100, "green": 0},
    ]
    assert (first.servers["blue"].up, ended.servers["green"].in_maintenance, ended.servers["green"].weight) == (True, True, 25)
    assert counters([ended.servers["blue"]], "http").requests == 1


@pytest.mark.parametrize(
    "command",
    [
        "set server shop/green weight 25",
        "set server shop/green state ready",
        "set server shop/green state maint",
        "shutdown sessions server shop/green",
    ],
)
def test_what_is_done_has_an_empty_answer(answers: Answers, command: str) -> None:
    """It is no error, and half an answer is one."""
    api(answers[command]).tell(command)
    with pytest.raises(TrafficError, match="no answer"):
        api("").tell(command)


@pytest.mark.parametrize(
    ("command", "words", "hint"),
    [
        ("set server shop/none weight 1", "No such server", ""),
        ("set server shop/green weight many", "weight", ""),
        ("set server still/green weight 2", "static LB algorithm", "`balance roundrobin`"),
    ],
)
def test_what_is_refused_is_an_error_with_its_words(answers: Answers, command: str, words: str, hint: str) -> None:
    """In one line, with the cure where it is known."""
    with pytest.raises(TrafficError, match=words) as caught:
        api(answers[command]).tell(command)
    assert hint in caught.value.hint


def test_a_backend_that_is_not_there_is_an_error(answers: Answers) -> None:
    """The answer is not a table."""
    with pytest.raises(TrafficError, match="show servers state none"):
        api(answers["show servers state none"]).show("show servers state none", begins=STATE_BEGINS)


def test_process_and_peers_are_found(answers: Answers) -> None:
    """Other load balancers are those that are not this one."""
    assert PID.search(answers["show info"])
    assert PEERS.findall(answers["show peers"]) == ["lb2"]
