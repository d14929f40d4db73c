"""Traffic back to blue, before anything else is read."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError, TrafficError
from migrator.journal.records.base import Entry, Header, Record
from migrator.journal.records.decisive import Retired
from migrator.migration.traffic_back import TrafficMoved, move_traffic, traffic_to_blue
from migrator.model.events import Step
from tests.support.clock import FakeClock
from tests.support.recorder import Recorder
from tests.support.traffic import FakeSwitch

OURS = Header(1, "0.1.0", "shop")


def moved(switch: FakeSwitch, clock: FakeClock, recorder: Recorder, *records: Record) -> TrafficMoved:
    """Move it."""
    return move_traffic("shop", [Entry(0.0, record) for record in (OURS, *records)], switch, recorder, clock.monotonic)


def test_the_time_is_told_when_the_traffic_is_back() -> None:
    """It is read after the load balancer has confirmed the weights."""
    clock, recorder = FakeClock(), Recorder()
    switch = FakeSwitch(clock, percent=50)
    switch.shift_seconds = 0.7
    begun = clock.monotonic()
    assert moved(switch, clock, recorder).seconds == round(begun + 0.7, 3)
    told = [event.text for event in recorder.events if isinstance(event, Step)]
    assert told == [f"all traffic is on blue, after {1000 * (begun + 0.7):.0f} ms"]


@pytest.mark.parametrize(
    ("record", "words"),
    [(Retired("archive", 1), "blue is retired"), (Header(1, "0.1.0", "other"), "belongs to migration other, not shop")],
)
def test_where_there_is_no_way_back_nothing_is_touched(record: Record, words: str) -> None:
    """A retired blue, or somebody else's journal."""
    switch = FakeSwitch(FakeClock(), percent=50)
    with pytest.raises(BlockedError, match=words) as caught:
        moved(switch, FakeClock(), Recorder(), record)
    assert caught.value.hint
    assert switch.shifts == []


def test_traffic_that_is_on_blue_is_on_blue_whatever_is_said_besides() -> None:
    """A state file on a full disk does not make a shift undone."""
    switch = FakeSwitch(FakeClock(), percent=50)
    switch.complains = "no room"
    withdrawal, complaint = traffic_to_blue(switch)
    assert (withdrawal.reading.green_percent, complaint) == (0, "no room")


def test_traffic_that_is_not_on_blue_is_an_error() -> None:
    """Nobody is told otherwise."""
    switch = FakeSwitch(FakeClock(), percent=50)
    switch.refused = {0}
    with pytest.raises(TrafficError, match="does not take 0"):
        traffic_to_blue(switch)
