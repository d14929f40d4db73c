"""Who gains is set and read back before the other side loses; what is half done is said; the socket is a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.config.haproxy import HAProxyConfig
from migrator.errors import TrafficError
from migrator.traffic.haproxy import HAProxy
from migrator.traffic.restart import Restart
from migrator.traffic.start_options import StartOptions
from tests.support.clock import FakeClock
from tests.support.runtime_api import FakeHAProxy, FakeServer, answering


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[FakeHAProxy]:
    """Serve a backend with a server of blue and one of green."""
    with answering(FakeHAProxy(tmp_path)) as running:
        yield running


def adapter(
    balancer: FakeHAProxy,
    *,
    blue: tuple[str, ...] = ("blue",),
    green: tuple[str, ...] = ("green",),
    backend: str = "shop",
    state_file: str = "state",
) -> HAProxy:
    """Return the adapter under test."""
    config = HAProxyConfig(socket="s", backend=backend, blue=blue, green=green, state_file=state_file)
    return HAProxy(config, relative_to=balancer.folder, clock=FakeClock())


def test_a_reading_has_the_share_and_the_counters_of_both_sides(balancer: FakeHAProxy) -> None:
    """What drains or is in maintenance has no share; what is open on green is told by server."""
    balancer.servers = {"blue": FakeServer(75), "green": FakeServer(25, sessions=3)}
    reading = adapter(balancer).read()
    assert (reading.green_percent, reading.servers, reading.green_sessions) == (25.0, {"blue": 75, "green": 25}, {"green": 3})
    assert (reading.blue.requests, reading.blue.errors, reading.blue.latency_ms, reading.green.latency_ms) == (20, 3, 30.0, 31.0)
    balancer.servers["green"].admin = 8
    assert adapter(balancer).read().green_percent == 0


def test_who_gains_comes_first(balancer: FakeHAProxy) -> None:
    """Green is ready before blue loses, and the other way back; the line that takes gives once more."""
    switch = adapter(balancer)
    assert switch.shift(100).green_percent == 100.0
    gains = ["set server green weight 100", "set server green state ready"]
    assert balancer.commands == [*gains, *gains, "set server blue weight 0"]
    balancer.commands.clear()
    switch.shift(5)
    gains = ["set server blue weight 95", "set server blue state ready"]
    assert balancer.commands == [*gains, *gains, "set server green weight 5"]


def test_going_back_puts_green_into_maintenance(balancer: FakeHAProxy) -> None:
    """Blue gains first, then green gets nobody any more, and what was open is ended."""
    balancer.servers = {"blue": FakeServer(0), "green": FakeServer(100, sessions=2)}
    withdrawal = adapter(balancer).withdraw(end_connections=True)
    gains = ["set server blue weight 100", "set server blue state ready"]
    assert balancer.commands == [
        *gains,
        *gains,
        "set server green state maint",
        "set server green weight 0",
        "shutdown sessions server green",
    ]
    assert (withdrawal.ended, withdrawal.reading.green_sessions) == ({"green": 2}, {})


class Reloading(FakeHAProxy):
    """Is followed by a process that has read the old weights, some times, while its state file is being written."""

    times = 1

    def answer(self, command: str) -> str:
        """Answer one command."""
        if command == "show info" and self.times:
            self.times -= 1
            self.servers = {"blue": FakeServer(0), "green": FakeServer(100)}
        return super().answer(command)


@pytest.mark.parametrize("times", [1, 2])
def test_old_weights_that_a_reload_brings_back_are_set_once_more(tmp_path: Path, times: int) -> None:
    """What is returned is what HAProxy said last."""
    with answering(Reloading(tmp_path)) as balancer:
        assert isinstance(balancer, Reloading)
        balancer.times = times
        assert adapter(balancer).withdraw(end_connections=True).reading.green_percent == 0
        assert (balancer.servers["blue"].weight, balancer.servers["green"].admin, balancer.times) == (100, 1, 0)


def test_old_weights_that_come_back_each_time_are_an_error(tmp_path: Path) -> None:
    """Nobody is told that all traffic is on blue."""
    with answering(Reloading(tmp_path)) as balancer:
        assert isinstance(balancer, Reloading)
        balancer.times = 9
        with pytest.raises(TrafficError, match="green has 100 % again each time") as caught:
            adapter(balancer).withdraw(end_connections=True)
    assert caught.value.hint
    assert balancer.times == 6


class FollowedBefore(FakeHAProxy):
    """Is followed by a process that has read the old weights, after what blue has gained was read back."""

    followed = False
    silent = False
    """Whether a line has left nobody to answer requests."""

    def line(self, commands: list[str]) -> str:
        """Answer one line."""
        if "set server shop/green state maint" in commands and not self.followed:
            self.followed = True
            self.servers = {"blue": FakeServer(0), "green": FakeServer(100)}
        said = super().line(commands)
        self.silent |= not any(server.weight and not server.admin for server in self.servers.values())
        return said


def test_a_reload_before_green_loses_leaves_nobody_without_an_answer(tmp_path: Path) -> None:
    """The new process knows nothing of what blue had gained."""
    with answering(FollowedBefore(tmp_path)) as balancer:
        assert isinstance(balancer, FollowedBefore)
        balancer.servers = {"blue": FakeServer(0), "green": FakeServer(100)}
        assert adapter(balancer).withdraw(end_connections=True).reading.green_percent == 0
        assert (balancer.followed, balancer.silent) == (True, False)


class CutOff(FakeHAProxy):
    """Ends before it has answered a line that takes, some times."""

    times = 2

    def line(self, commands: list[str]) -> str:
        """Answer one line."""
        if "set server shop/green state maint" in commands and self.times:
            self.times -= 1
            return ""
        return super().line(commands)


def test_the_way_back_is_gone_again_where_a_reload_cuts_it_off(tmp_path: Path) -> None:
    """An empty answer says nothing of what was done."""
    with answering(CutOff(tmp_path)) as balancer:
        assert isinstance(balancer, CutOff)
        balancer.servers = {"blue": FakeServer(0), "green": FakeServer(100)}
        assert adapter(balancer).withdraw(end_connections=True).reading.green_percent == 0
        assert balancer.times == 0


def test_a_way_back_that_is_cut_off_each_time_is_an_error(tmp_path: Path) -> None:
    """A person is told what HAProxy has then."""
    with answering(CutOff(tmp_path)) as balancer:
        assert isinstance(balancer, CutOff)
        balancer.times = 9
        with pytest.raises(TrafficError, match="no answer, so nobody knows whether it was done; HAProxy has now"):
            adapter(balancer).withdraw(end_connections=True)
        assert balancer.times == 6


@pytest.mark.parametrize(
    "admin", [0x02, 0x20, 0x10], ids=["maintenance of a tracked server", "no address", "drain of a tracked server"]
)
def test_a_server_that_no_command_brings_back_keeps_nobody_from_the_way_back(balancer: FakeHAProxy, admin: int) -> None:
    """The others of its side take all, and it is named; it has its weight when it comes back."""
    balancer.servers = {"one": FakeServer(0), "two": FakeServer(0, admin=admin, status="MAINT"), "green": FakeServer(100)}
    withdrawal = adapter(balancer, blue=("one", "two")).withdraw(end_connections=True)
    assert withdrawal.reading.servers == {"one": 50, "two": 0, "green": 0}
    assert withdrawal.lacking == ("server two gets nothing: MAINT (L7OK)",)
    assert balancer.servers["two"].weight == 50


def test_a_server_that_no_command_brings_back_keeps_its_weight_in_haproxy_cfg(
    balancer: FakeHAProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes back by itself; a weight of 0 there would keep it out from the next start on."""
    names = ("one", "two", "green")
    config = "backend shop\n" + "".join(f" server {name} {name}.example:80 weight {50 * (name != 'green')}\n" for name in names)
    monkeypatch.setattr(Restart, "_options", lambda *_: StartOptions(refuses_warnings=False, persistence="", config=config))
    balancer.servers = {"one": FakeServer(0), "two": FakeServer(0, admin=0x20, status="MAINT"), "green": FakeServer(100)}
    switch = adapter(balancer, blue=("one", "two"))
    switch.withdraw(end_connections=True)
    assert switch.after_restart() == ()


def test_a_server_that_no_command_brings_back_keeps_green_from_its_share(balancer: FakeHAProxy) -> None:
    """Green is whole, or gets nothing more."""
    balancer.servers = {"blue": FakeServer(100), "one": FakeServer(0), "two": FakeServer(0, admin=0x20, status="MAINT")}
    with pytest.raises(TrafficError, match="weights are"):
        adapter(balancer, green=("one", "two")).shift(50)


def test_a_server_that_was_taken_out_keeps_nobody_from_the_way_back(balancer: FakeHAProxy) -> None:
    """Whoever has taken it out of haproxy.cfg, or deleted it by command; a cutover needs all of them."""
    balancer.servers = {"one": FakeServer(0), "green": FakeServer(100)}
    switch = adapter(balancer, blue=("one", "two"), green=("green", "other"))
    withdrawal = switch.withdraw(end_connections=True)
    assert withdrawal.reading.servers == {"one": 100, "green": 0}
    assert withdrawal.lacking == ("server two gets nothing: HAProxy does not have it",)
    assert (switch.read().green_percent, switch.after_restart()) == (0, ())
    for verb in (switch.require_shares, lambda: switch.shift(50)):
        with pytest.raises(TrafficError, match="has no server two, other"):
            verb()


def test_green_that_was_taken_out_as_a_whole_is_left(balancer: FakeHAProxy) -> None:
    """Where nobody of blue is there, nobody is told that the traffic is on blue."""
    balancer.servers = {"blue": FakeServer(0)}
    assert adapter(balancer).withdraw(end_connections=True).reading.servers == {"blue": 100}
    with pytest.raises(TrafficError, match="has no server gone, green"):
        adapter(balancer, blue=("gone",)).withdraw(end_connections=True)


def test_connections_that_do_not_end_are_said(balancer: FakeHAProxy) -> None:
    """None is counted as ended that is still there."""
    balancer.servers["green"] = FakeServer(100, sessions=2, stays=True)
    withdrawal = adapter(balancer).withdraw(end_connections=True)
    assert (withdrawal.ended, withdrawal.reading.green_sessions) == ({}, {"green": 2})


def test_green_is_in_maintenance_although_it_had_no_share(balancer: FakeHAProxy) -> None:
    """Clients that hold its cookie are there after an earlier version's rollback, too."""
    adapter(balancer).shift(0)
    assert balancer.servers["green"].admin == 1


def test_a_share_is_divided_among_the_servers_of_a_side(balancer: FakeHAProxy) -> None:
    """Where it is not a whole number, weights are scaled to HAProxy's highest, 256."""
    balancer.servers["green2"] = FakeServer(0)
    reading = adapter(balancer, green=("green", "green2")).shift(25)
    assert reading.servers == {"blue": 256, "green": 43, "green2": 43}
    assert reading.green_percent == pytest.approx(25, abs=0.5)


@pytest.mark.parametrize("gains", ["set server shop/green weight", "set server shop/green state"])
def test_who_does_not_gain_costs_the_other_nothing(balancer: FakeHAProxy, gains: str) -> None:
    """The error has HAProxy's words, printable, and says what it has now."""
    balancer.answers[gains] = "Backend \x1b[31mis busy.\n\n"
    with pytest.raises(TrafficError, match=r"\\x1b\[31mis busy.; HAProxy has now: blue 100, green \d+, so"):
        adapter(balancer).shift(100)
    assert not [command for command in balancer.commands if "blue" in command]


def test_weights_that_are_not_taken_are_noticed_before_the_other_side_loses(balancer: FakeHAProxy) -> None:
    """Another program sets them too, or HAProxy did not do it; nothing is kept for a restart."""
    balancer.deaf = True
    with pytest.raises(TrafficError, match=r"weights are .* not"):
        adapter(balancer).shift(50)
    assert not [command for command in balancer.commands if "blue" in command]
    assert not (balancer.folder / "state").exists()


def test_a_side_that_is_half_moved_is_said(balancer: FakeHAProxy) -> None:
    """Green has gained and blue has not lost."""
    balancer.answers["set server shop/blue weight"] = "Oops.\n\n"
    with pytest.raises(TrafficError, match=r"Oops.; HAProxy has now: blue 100, green 100, so green gets 50 %"):
        adapter(balancer).shift(100)


def test_what_haproxy_has_may_be_unknown(balancer: FakeHAProxy) -> None:
    """It was reloaded in between, and does not answer."""

    class Reloaded(dict[str, str]):
        def items(self) -> object:  # type: ignore[override]
            return {"": ""}.items() if balancer.commands else {}.items()

    balancer.answers = Reloaded()
    with pytest.raises(TrafficError, match="what HAProxy has now is unknown"):
        adapter(balancer).shift(100)


def test_a_side_that_is_down_gains_nothing_at_the_other_sides_cost(balancer: FakeHAProxy) -> None:
    """HAProxy would send it no request."""
    balancer.servers["green"].status = "DOWN 1/2"
    with pytest.raises(TrafficError, match=r"green is DOWN 1/2 \(L7OK\)"):
        adapter(balancer).shift(100)
    assert balancer.servers["blue"].weight == 100


def test_a_state_file_that_cannot_be_written_is_an_error_after_the_change(balancer: FakeHAProxy) -> None:
    """The message says that the weights are set; before a cutover it is found first."""
    with pytest.raises(TrafficError, match="cannot be written") as caught:
        adapter(balancer, state_file="none/state").require_shares()
    assert "stateFile" in caught.value.hint
    with pytest.raises(TrafficError, match=r"No such file.*the weights are set"):
        adapter(balancer, state_file="none/state").shift(50)
    assert balancer.servers["green"].weight == 50


def test_an_unknown_algorithm_is_tried_on_a_server_that_gets_nothing(balancer: FakeHAProxy) -> None:
    """It drains meanwhile, and is as before afterwards, also when the weight is refused."""
    balancer.algorithm = "source"
    tried = [
        "set server green state drain",
        "set server green weight 2",
        "set server green weight 0",
        "set server green state ready",
    ]
    adapter(balancer).require_shares()
    assert balancer.commands == tried
    balancer.commands.clear()
    balancer.answers["set server shop/green weight 2"] = "Backend is using a static LB algorithm.\n\n"
    with pytest.raises(TrafficError, match="static LB algorithm") as caught:
        adapter(balancer).require_shares()
    assert "hash-type consistent" in caught.value.hint
    assert balancer.commands == ["set server green state drain", "set server green state ready"]


def test_all_obstacles_are_said_at_once(balancer: FakeHAProxy) -> None:
    """With all cures."""
    balancer.algorithm = "static-rr"
    balancer.servers["old"] = FakeServer(7)
    with pytest.raises(TrafficError, match=r"static-rr.*; server old gets a share") as caught:
        adapter(balancer).require_shares()
    assert ("roundrobin" in caught.value.hint, "old" in caught.value.hint) == (True, True)


def test_one_of_several_processes_is_not_moved_alone(balancer: FakeHAProxy) -> None:
    """The others would go on with the old weights."""
    balancer.answers["show info"] = "Name: HAProxy\nVersion: 2.4.30\nNbproc: 2\nProcess_num: 1\n\n"
    with pytest.raises(TrafficError, match="runs as 2 processes"):
        adapter(balancer).require_shares()


def test_what_a_person_should_know_is_no_error(balancer: FakeHAProxy) -> None:
    """A peer is another load balancer; without the process's options nobody knows about its warnings."""
    balancer.answers["show peers"] = "0x1: id=pair\n  0x2: id=lb1(local,inactive) addr=a\n  0x3: id=lb2(remote,active) addr=b\n\n"
    peers, ports = adapter(balancer).require_shares()
    assert "peers (lb2)" in peers
    assert "zero-warning" in ports


def test_names_that_haproxy_does_not_know_are_told_with_those_it_does(balancer: FakeHAProxy) -> None:
    """A backend and a server."""
    with pytest.raises(TrafficError, match="no backend shoop") as caught:
        adapter(balancer, backend="shoop").read()
    assert "shop" in caught.value.hint
    with pytest.raises(TrafficError, match="has no server gren") as caught:
        adapter(balancer, green=("gren",)).read()
    assert caught.value.hint == "servers there: blue, green"


def test_what_is_open_on_blue_is_ended_once_blue_has_no_share(balancer: FakeHAProxy) -> None:
    """Not before."""
    balancer.servers["blue"].sessions = 4
    switch = adapter(balancer)
    with pytest.raises(TrafficError, match="blue still has a share"):
        switch.end_on_blue()
    assert balancer.servers["blue"].sessions == 4
    switch.shift(100)
    assert (switch.end_on_blue(), balancer.servers["blue"].sessions) == ({"blue": 4}, 0)
