"""Every command goes to all instances; one that does not answer is named, and does not stand in the way back."""

from __future__ import annotations

import threading

import pytest

from migrator.errors import TrafficError
from migrator.traffic.instances import Instances
from tests.contract.switches import Place, SwitchContract
from tests.support.clock import FakeClock
from tests.support.traffic import FakeSwitch

SILENT = "lb2: haproxy does not answer"


class Pair:
    """Two instances."""

    def __init__(self, *, may_lack: bool = False) -> None:
        clock = FakeClock()
        self.first, self.second = FakeSwitch(clock), FakeSwitch(clock)
        self.switch = Instances({"lb1": self.first, "lb2": self.second}, may_lack=may_lack, patience=5.0)
        self.clock = clock

    def ask(self) -> str:
        """Return where a client goes, whichever instance it meets."""
        self.clock.pass_time(1)
        sides = {"green" if one.percent else "blue" for one in (self.first, self.second)}
        return sides.pop() if len(sides) == 1 else "either"


class TestInstances(SwitchContract):
    """They are a switch like any other."""

    @pytest.fixture
    def place(self) -> Place:
        """Return two as one."""
        pair = Pair()
        return Place(pair.switch, pair.ask)


def test_a_cutover_begins_with_all_of_them() -> None:
    """The person decides whether it goes on without one."""
    pair = Pair()
    pair.second.mute = True
    for act in (pair.switch.read, pair.switch.require_shares, lambda: pair.switch.shift(50)):
        with pytest.raises(TrafficError, match=f"^{SILENT}$") as caught:
            act()
        assert caught.value.hint == "`unreachable: warn` continues without it"
    assert pair.first.shifts == []


def test_who_allows_it_goes_on_without_one_and_is_told() -> None:
    """Unless nobody is left."""
    pair = Pair(may_lack=True)
    pair.second.mute = True
    assert pair.switch.require_shares() == ("lb2 does not answer and is left out: it has its old weights when it comes back",)
    assert pair.switch.shift(50).servers == {"lb1/blue": 128, "lb1/green": 128}
    pair.second.mute = False
    assert pair.switch.read().percents == (0, 50)
    pair.first.mute = pair.second.mute = True
    with pytest.raises(TrafficError, match=f"^lb1: haproxy does not answer; {SILENT}$"):
        pair.switch.read()


@pytest.mark.parametrize("may_lack", [True, False])
def test_the_way_back_waits_for_nobody(*, may_lack: bool) -> None:
    """Who does not answer is named, whatever the person allows a cutover."""
    pair = Pair(may_lack=may_lack)
    pair.switch.shift(100)
    pair.second.mute = True
    withdrawal = pair.switch.withdraw(end_connections=True)
    assert (pair.first.percent, withdrawal.reading.percents) == (0, (0, 0))
    assert withdrawal.missed == (f"{SILENT}: it will send traffic to green if it takes over",)


def test_on_the_way_back_one_that_fails_is_named_too() -> None:
    """It answers, and does not do it."""
    pair = Pair()
    pair.switch.shift(100)
    pair.second.refused.add(0)
    assert pair.switch.withdraw(end_connections=True).missed == ("lb2: haproxy does not take 0 %",)


def test_without_any_of_them_there_is_no_way_back() -> None:
    """Both are named."""
    pair = Pair()
    pair.first.mute = pair.second.mute = True
    with pytest.raises(TrafficError, match=f"^lb1: haproxy does not answer; {SILENT}$"):
        pair.switch.withdraw(end_connections=True)


def test_one_that_does_not_take_a_share_puts_the_others_back() -> None:
    """A pair never stays apart."""
    pair = Pair()
    pair.second.refused.add(50)
    with pytest.raises(TrafficError, match="all have the share that they had before"):
        pair.switch.shift(50)
    assert (pair.first.percent, pair.second.percent) == (0, 0)


def test_one_that_is_silent_is_not_waited_for_on_the_way_back() -> None:
    """It may answer later; the others have led to blue by then."""
    pair, never = Pair(), threading.Event()
    pair.switch = Instances({"lb1": pair.first, "lb2": pair.second}, may_lack=False, patience=0.05)
    pair.switch.shift(100)
    whole = pair.second.read
    pair.second.read = lambda: (never.wait(60), whole())[1]  # type: ignore[method-assign]
    (missed,) = pair.switch.withdraw(end_connections=True).missed
    never.set()
    assert missed == "lb2: no answer within 0.05 s after another's: it will send traffic to green if it takes over"
    assert pair.first.percent == 0
