"""Switches that move together: all take a share, or all have the old one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.config.haproxy import HAProxyConfig
from migrator.errors import TrafficError
from migrator.model.traffic import Abilities, Announce
from migrator.traffic.haproxy import HAProxy
from migrator.traffic.several import Several
from tests.contract.switches import Place, SwitchContract
from tests.support.clock import FakeClock
from tests.support.runtime_api import FakeHAProxy, answering
from tests.support.traffic import FakeSwitch

BLIND = Abilities(levels=(0, 50, 100), counters=False, uncounted=("dns",), stale_seconds=60)


def asked(clock: FakeClock, *switches: FakeSwitch) -> str:
    """Return where a client goes that asks through all of these."""
    clock.pass_time(1)
    sides = {"green" if switch.percent == 100 else "blue" if not switch.percent else "either" for switch in switches}
    return sides.pop() if len(sides) == 1 else "either"


class TestOneFake(SwitchContract):
    """The fake of the phases' tests."""

    @pytest.fixture
    def place(self) -> Place:
        """Return it."""
        clock = FakeClock()
        switch = FakeSwitch(clock)
        return Place(switch, lambda: asked(clock, switch))


class TestSeveral(SwitchContract):
    """Two of them, one of which counts nothing."""

    @pytest.fixture
    def place(self) -> Place:
        """Return them as one."""
        clock = FakeClock()
        first, second = FakeSwitch(clock), FakeSwitch(clock)
        second.can = BLIND
        return Place(Several({"haproxy": first, "dns": second}), lambda: asked(clock, first, second))


class TestHAProxy(SwitchContract):
    """The adapter and what stands for its Runtime API."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Place]:
        """Serve one backend."""
        with answering(FakeHAProxy(tmp_path)) as running:
            config = HAProxyConfig(socket="s", backend="shop", blue=("blue",), green=("green",), state_file="state")
            yield Place(HAProxy(config, relative_to=tmp_path, clock=FakeClock()), running.ask)


@pytest.fixture
def pair() -> tuple[Several, FakeSwitch, FakeSwitch]:
    """Return two switches as one."""
    clock = FakeClock()
    first, second = FakeSwitch(clock), FakeSwitch(clock)
    return Several({"first": first, "second": second}), first, second


def test_one_that_fails_takes_all_back(pair: tuple[Several, FakeSwitch, FakeSwitch]) -> None:
    """The share that they had before, and the error names who failed."""
    both, first, second = pair
    both.shift(25)
    second.refused.add(50)
    with pytest.raises(
        TrafficError, match=r"^second: haproxy does not take 50 %; all have the share that they had before"
    ) as caught:
        both.shift(50)
    assert (first.percent, second.percent, caught.value.hint) == (25, 25, "look at its log")


def test_one_that_cannot_be_put_back_is_named(pair: tuple[Several, FakeSwitch, FakeSwitch]) -> None:
    """It is half done, and the error says so."""
    both, first, second = pair
    both.shift(25)
    first.refused.add(25)
    second.refused.add(50)
    with pytest.raises(TrafficError, match=r"not put back: first: haproxy does not take 25 %"):
        both.shift(50)
    assert (first.percent, second.percent) == (50, 25)


def test_nothing_moves_while_one_does_not_answer(pair: tuple[Several, FakeSwitch, FakeSwitch]) -> None:
    """All are read before the first is told."""
    both, first, second = pair
    second.mute = True
    with pytest.raises(TrafficError, match="second: haproxy does not answer"):
        both.shift(50)
    assert first.shifts == []


def test_on_the_way_back_one_that_fails_keeps_nobody_from_it(pair: tuple[Several, FakeSwitch, FakeSwitch]) -> None:
    """The other is on blue, and the error says which is not."""
    both, first, second = pair
    both.shift(100)
    first.refused.add(0)
    with pytest.raises(TrafficError, match=r"^first: haproxy does not take 0 %; on blue: second$"):
        both.withdraw(end_connections=True)
    assert (first.percent, second.percent) == (100, 0)


def test_a_bug_of_one_is_told_with_its_name(pair: tuple[Several, FakeSwitch, FakeSwitch]) -> None:
    """In one printable line."""
    both, first, _ = pair

    def fails(_: float) -> None:
        raise ValueError("odd\x1b[31m")

    first.before_shift = fails
    with pytest.raises(TrafficError, match=r"^first: ValueError: odd\\x1b\[31m; on blue: second$"):
        both.withdraw(end_connections=True)


def test_counters_are_added_and_servers_carry_the_name_of_their_switch(pair: tuple[Several, FakeSwitch, FakeSwitch]) -> None:
    """The slowest counts; two shares are told as the smallest and the largest."""
    both, first, second = pair
    both.shift(50)
    second.shift(100)
    second.latency_ms = lambda _: 70.0
    first.clock.pass_time(10)
    second.open_on_green = 3
    reading = both.read()
    assert (reading.percents, reading.green.requests, reading.green.latency_ms) == ((50, 100), 1500, 70.0)
    assert reading.servers == {"first/blue": 128, "first/green": 128, "second/blue": 0, "second/green": 256}
    assert reading.green_sessions == {"second/green": 3}
    assert both.withdraw(end_connections=True).ended == {"second/green": 3}


def test_together_they_can_do_what_each_can(pair: tuple[Several, FakeSwitch, FakeSwitch]) -> None:
    """Shares that all can set; the longest time behind; whoever does not count is named."""
    both, first, second = pair
    assert both.abilities() == Abilities()
    first.can = Abilities(levels=(0, 100), counters=False, uncounted=("a",), stale_seconds=5)
    second.can = BLIND
    assert both.abilities() == Abilities((0, 100), counters=False, uncounted=("a", "dns"), stale_seconds=60)


def test_what_a_person_should_know_names_its_switch(pair: tuple[Several, FakeSwitch, FakeSwitch]) -> None:
    """And one that cannot set shares is told before a change."""
    both, first, second = pair
    second.notices = ("it has peers",)
    assert both.require_shares() == ("second: it has peers",)
    first.unfit = "static-rr"
    with pytest.raises(TrafficError, match="first: static-rr"):
        both.require_shares()


def test_all_are_prepared_and_the_slowest_counts(pair: tuple[Several, FakeSwitch, FakeSwitch]) -> None:
    """A share counts once the last of them has it; one that cannot be prepared is named."""
    both, first, second = pair
    first.prepares, second.prepares = lambda: 5.0, lambda: 60.0
    assert both.prepare() == 60.0

    def fails() -> float:
        raise TrafficError("its TTL cannot be changed", hint="allow it")

    first.prepares = fails
    with pytest.raises(TrafficError, match=r"^first: its TTL cannot be changed$") as caught:
        both.prepare()
    assert caught.value.hint == "allow it"


def test_what_a_restart_would_lose_is_written_at_all_that_can(pair: tuple[Several, FakeSwitch, FakeSwitch]) -> None:
    """One after the other, so that each is announced before it is changed; the first that fails keeps the second from nothing."""
    both, first, second = pair
    written: list[str] = []

    def fails(_: Announce | None) -> tuple[str, ...]:
        written.append("first")
        raise TrafficError("the disk is full")

    def writes(_: Announce | None) -> tuple[str, ...]:
        written.append("second")
        return ("weights of shop",)

    first.restarts, second.restarts = fails, writes
    with pytest.raises(TrafficError, match=r"^first: the disk is full$"):
        both.after_restart()
    assert written == ["first", "second"]
    first.restarts = lambda _: ("a weight", "another one")
    assert both.after_restart() == ("first: a weight", "first: another one", "second: weights of shop")


def test_what_is_open_on_blue_is_ended_at_each(pair: tuple[Several, FakeSwitch, FakeSwitch]) -> None:
    """And counted by switch and server."""
    both, first, second = pair
    both.shift(100)
    first.blue_sessions, second.blue_sessions = 2, 3
    ended = both.end_on_blue()
    assert {name.partition("/")[0] for name in ended} <= {"first", "second"}
    assert (first.read().blue.sessions, second.read().blue.sessions) == (0, 0)


def test_no_share_is_the_way_back(pair: tuple[Several, FakeSwitch, FakeSwitch]) -> None:
    """Nobody waits for another one, and connections to green end."""
    both, first, second = pair
    both.shift(100)
    first.open_on_green = 4
    first.clock.pass_time(1)
    assert both.shift(0).green_percent == 0
    assert (first.percent, second.percent, first.open_on_green) == (0, 0, 0)
