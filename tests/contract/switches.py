"""What any switch behind the port does; run on the fake, on several at once, and on each adapter with its real server.

A subclass gives the fixture `place`: a switch whose traffic is on blue, and a way to ask through it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from migrator.errors import TrafficError
from migrator.ports import TrafficSwitch

NEAR = 1.0
"""Percent by which whole weights may miss a share."""


class Place(NamedTuple):
    """Where a test works."""

    switch: TrafficSwitch
    ask: Callable[[], str]
    """Returns who answers a new client now: `blue` or `green`."""

    @property
    def middle(self) -> float | None:
        """A share between nothing and all that the switch can set."""
        levels = self.switch.abilities().levels
        return next((level for level in levels if 0 < level < 100), None) if levels else 25.0


class SwitchContract:
    """The suite."""

    def test_each_share_is_read_back(self, place: Place) -> None:
        """At once, and by a second look."""
        for percent in (place.middle, 100.0, place.middle, 100.0):
            if percent is not None:
                assert place.switch.shift(percent).percents == pytest.approx((percent, percent), abs=NEAR)
                assert place.switch.read().percents == pytest.approx((percent, percent), abs=NEAR)

    def test_a_new_client_goes_where_all_traffic_is(self, place: Place) -> None:
        """Forth and back."""
        assert {place.ask() for _ in range(3)} == {"blue"}
        place.switch.shift(100)
        assert {place.ask() for _ in range(3)} == {"green"}
        withdrawal = place.switch.withdraw(end_connections=True)
        assert (withdrawal.reading.percents, withdrawal.missed) == ((0.0, 0.0), ())
        assert {place.ask() for _ in range(3)} == {"blue"}

    def test_nothing_is_the_way_back(self, place: Place) -> None:
        """A share of 0 withdraws; withdrawing again changes nothing."""
        place.switch.shift(100)
        assert place.switch.shift(0).green_percent == 0
        first = place.switch.withdraw(end_connections=False)
        second = place.switch.withdraw(end_connections=True)
        assert (first.reading.servers, second.ended, second.missed) == (second.reading.servers, {}, ())

    def test_looking_changes_nothing(self, place: Place) -> None:
        """Abilities, what a person should know, and a reading."""
        for percent in (0.0, 100.0):
            place.switch.shift(percent)
            before = place.switch.read()
            place.switch.abilities()
            place.switch.require_shares()
            assert (place.switch.read().servers, place.switch.read().percents) == (before.servers, (percent, percent))

    def test_a_share_that_it_cannot_set_is_refused(self, place: Place) -> None:
        """Before anything is changed."""
        levels = place.switch.abilities().levels
        if not levels:
            return
        with pytest.raises(TrafficError, match=r"cannot have 7 %"):
            place.switch.shift(7)
        assert place.switch.read().green_percent == 0

    def test_what_it_cannot_count_is_said(self, place: Place) -> None:
        """A switch counts what goes through it, or its abilities name it."""
        can = place.switch.abilities()
        place.switch.shift(100)
        before = place.switch.read()
        for _ in range(5):
            place.ask()
        counted = place.switch.read().green.since(before.green).requests
        assert (counted >= 5) if can.counters else (counted == 0 and can.uncounted)
