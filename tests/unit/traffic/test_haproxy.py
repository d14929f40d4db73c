"""Weights are set in an order that always leaves somebody to answer, read back, and kept; the socket is a real one."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.config.schema import HAProxyConfig
from migrator.errors import TrafficError
from migrator.traffic.haproxy import HAProxy

STAT = "# pxname,svname,stot,scur,hrsp_5xx,econ,rtime,req_tot,\n"


class Balancer:
    """Speaks the Runtime API as far as weights go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.weights = {"blue": 100, "green": 0}
        self.changes: list[str] = []
        self.refusal = ""
        """Answers every command, when it is set."""
        self.deaf = False
        """Takes weights and keeps the old ones."""

    def answer(self, command: str) -> str:
        """Answer one command."""
        if self.refusal:
            return self.refusal
        if command == "show stat":
            rows = [f"shop,{name},10,{number},1,2,{30 + number},20," for number, name in enumerate(self.weights)]
            return STAT + "\n".join(["shop,FRONTEND,,,,,,,", *rows, "shop,BACKEND,,,,,,,"]) + "\n"
        if command.startswith("show servers state"):
            rows = [
                f"3 shop {number} {name} 127.0.0.1 2 0 {weight} 1" for number, (name, weight) in enumerate(self.weights.items())
            ]
            return "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n" + "\n".join(rows) + "\n"
        self.changes.append(command.removeprefix("set server shop/"))
        found = re.fullmatch(r"set server shop/(\w+) weight (\d+)", command)
        if found and not self.deaf:
            self.weights[found[1]] = int(found[2])
        return "\n"

    def client(self, *, green: tuple[str, ...] = ("green",), backend: str = "shop", state_file: str = "state") -> HAProxy:
        """Return the adapter."""
        config = HAProxyConfig(socket="s", backend=backend, blue=("blue",), green=green, state_file=state_file)
        return HAProxy(config, relative_to=self.folder)


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Balancer]:
    """Serve on a unix socket: one command a connection, as HAProxy does without a prompt."""
    balancer = Balancer(tmp_path)

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(balancer.answer(self.rfile.readline().decode().strip()).encode())

    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "s"), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield balancer
        server.shutdown()


def test_a_reading_has_the_share_and_the_counters_of_both_sides(balancer: Balancer) -> None:
    """Errors are answers of 500 and above and failed connections; the latency is HAProxy's average."""
    balancer.weights.update(blue=75, green=25)
    reading = balancer.client().read()
    assert reading.green_percent == 25.0
    assert (reading.blue.requests, reading.blue.errors, reading.blue.latency_ms, reading.blue.sessions) == (20, 3, 30.0, 0)
    assert (reading.green.latency_ms, reading.green.sessions) == (31.0, 1)
    assert reading.servers == {"blue": 75, "green": 25}


def test_who_gains_comes_first(balancer: Balancer) -> None:
    """Green is ready before blue drains, and the other way back."""
    client = balancer.client()
    assert client.shift(100).green_percent == 100.0
    assert balancer.changes == ["green weight 100", "green state ready", "blue weight 0", "blue state drain"]
    balancer.changes.clear()
    client.shift(5)
    assert balancer.changes == ["blue weight 95", "blue state ready", "green weight 5", "green state ready"]


def test_a_share_is_divided_among_the_servers_of_a_side(balancer: Balancer) -> None:
    """Where it is no whole number, weights are scaled to HAProxy's highest, 256."""
    balancer.weights.update(green2=0)
    reading = balancer.client(green=("green", "green2")).shift(25)
    assert reading.servers == {"blue": 256, "green": 43, "green2": 43}
    assert reading.green_percent == pytest.approx(25, abs=0.5)


def test_weights_are_kept_for_a_restart(balancer: Balancer) -> None:
    """The state file is what `show servers state` says after the change."""
    balancer.client().shift(50)
    assert (balancer.folder / "state").read_text() == balancer.answer("show servers state")


def test_a_state_file_that_cannot_be_written_is_an_error_after_the_change(balancer: Balancer) -> None:
    """The message says that the weights are set."""
    with pytest.raises(TrafficError, match=r"weights are set, but .*No such file"):
        balancer.client(state_file="none/state").shift(50)
    assert balancer.weights == {"blue": 50, "green": 50}


def test_weights_that_are_not_taken_are_noticed(balancer: Balancer) -> None:
    """Another program sets them too, or HAProxy did not do it; nothing is kept for a restart."""
    balancer.deaf = True
    with pytest.raises(TrafficError, match=r"weights are .* not"):
        balancer.client().shift(50)
    assert not (balancer.folder / "state").exists()


def test_names_that_haproxy_does_not_know_are_told_with_those_it_does(balancer: Balancer) -> None:
    """A backend and a server."""
    with pytest.raises(TrafficError, match="no backend shoop") as caught:
        balancer.client(backend="shoop").read()
    assert "shop" in caught.value.hint
    with pytest.raises(TrafficError, match="has no server gren") as caught:
        balancer.client(green=("gren",)).read()
    assert caught.value.hint == "servers there: blue, green"


def test_a_socket_without_the_level_of_an_admin_is_told(balancer: Balancer) -> None:
    """HAProxy answers in words, not with a code."""
    balancer.refusal = "Permission denied\n\n"
    with pytest.raises(TrafficError, match="Permission denied") as caught:
        balancer.client().shift(50)
    assert "level admin" in caught.value.hint


def test_a_socket_that_nobody_serves_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    """The first was left by a HAProxy that ended."""
    lost = Balancer(tmp_path).client()
    with pytest.raises(TrafficError, match="no such socket"):
        lost.read()
    with socketserver.UnixStreamServer(str(tmp_path / "s"), socketserver.StreamRequestHandler):
        pass
    with pytest.raises(TrafficError, match="nobody listens"):
        lost.read()
