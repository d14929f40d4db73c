"""Who runs where is folded from the journal, step by step."""

from __future__ import annotations

import functools

import pytest

from migrator.journal.records.one_side import (
    HandBackAnnounced,
    HandedBack,
    HandedOver,
    HandOverAnnounced,
    HandOverStep,
    Held,
    PartRecord,
)
from migrator.journal.records.traffic import FenceAnnounced, Fenced
from migrator.migration.one_side.sides import Sides, SidesRecord, after
from tests.support.one_side import NIGHTLY, NIGHTLY_GREEN, PARTS


@pytest.mark.parametrize(
    ("records", "where"),
    [
        ((), "blue"),
        ((HandOverAnnounced((PartRecord.of(PARTS[0]),)),), "blue"),
        ((HandOverAnnounced((PartRecord.of(PARTS[0]),)), HandOverStep("CronJob", "stop")), "stopping on blue"),
        ((HandOverAnnounced((PartRecord.of(PARTS[0]),)), HandOverStep("CronJob", "stopped")), "neither: stopped on blue"),
        ((HandOverAnnounced((PartRecord.of(PARTS[0]),)), HandOverStep("CronJob", "start")), "starting on green"),
        ((HandOverAnnounced((PartRecord.of(PARTS[0]),)), HandOverStep("CronJob", "works")), "green"),
        ((HandOverAnnounced((PartRecord.of(PARTS[0]),)), HandedOver((NIGHTLY,))), "green"),
        ((HandOverAnnounced((PartRecord.of(PARTS[0]),)), HandedOver((NIGHTLY,)), HandedBack()), "blue"),
        ((FenceAnnounced({NIGHTLY: NIGHTLY_GREEN}), Fenced((NIGHTLY,))), "green"),
    ],
)
def test_each_step_tells_where_it_runs(records: tuple[SidesRecord, ...], where: str) -> None:
    """Journals of older versions know CronJobs only."""
    state = functools.reduce(after, records, Sides())
    assert state.where(PARTS[0], going_back=False) == where


def test_on_a_way_back_that_has_not_ended_nobody_knows() -> None:
    """The command that ends it finds out."""
    records: tuple[SidesRecord, ...] = (HandOverAnnounced((PartRecord.of(PARTS[0]),)), HandBackAnnounced((NIGHTLY,)))
    state = functools.reduce(after, records, Sides())
    assert state.where(PARTS[0], going_back=True) == "unknown"


def test_what_was_held_stays_known_after_a_way_back() -> None:
    """`status` names it all the time."""
    records: tuple[SidesRecord, ...] = (
        Held((PartRecord.of(PARTS[0]),)),
        HandOverAnnounced((PartRecord.of(PARTS[0]),)),
        HandedBack(),
    )
    assert functools.reduce(after, records, Sides()) == Sides(held=(PARTS[0],))
