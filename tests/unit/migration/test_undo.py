"""The way back acts first, and stops for nothing."""

from __future__ import annotations

from migrator.journal.records.one_side import HandBackAnnounced, HandedBack
from migrator.journal.records.traffic import FenceAnnounced, RollbackStarted
from migrator.migration.fence import Side, WayBack
from migrator.migration.undo import Undo
from migrator.model.events import Event, Step
from migrator.model.ref import ObjectRef
from migrator.model.traffic import Withdrawal
from tests.support.fake_cluster import FakeCluster
from tests.support.journals import migration_run
from tests.support.traffic import FakeSwitch

NIGHTLY = ObjectRef("batch", "CronJob", "default", "nightly")


def test_the_journal_comes_after_the_hand_over() -> None:
    """What it says was done."""
    run, journal, _, _ = migration_run(FenceAnnounced({NIGHTLY: NIGHTLY}))
    seen: list[int] = []

    def look() -> FakeCluster:
        seen.append(len(journal.records))
        return FakeCluster()

    undo = Undo(run)
    undo.hand_back(WayBack(Side(look, 1.0), Side(look, 1.0)))
    assert seen == [1, 1]
    assert journal.records[1:] == [HandBackAnnounced((NIGHTLY,)), HandedBack()]
    assert undo.left == ()


def test_neither_a_full_disk_nor_a_closed_terminal_stops_it() -> None:
    """The first reason is told, once."""

    class Closed:
        def emit(self, event: Event) -> None:
            raise OSError(5, str(event))

    run, journal, clock, _ = migration_run()
    journal.full = True
    undo = Undo(type(run)(run.ledger, Closed(), clock))
    undo.show(Step("x"))
    undo.write(RollbackStarted())
    undo.write(RollbackStarted())
    assert undo.left == ("this was done, but could not be written to the journal: disk full",)


def test_an_instance_that_could_not_be_told_is_not_looked_at_again() -> None:
    """It is listed already; the rollback that is run again looks at all of them."""
    run, _, clock, _ = migration_run()
    switch = FakeSwitch(clock)
    undo = Undo(run)
    undo.withdrawn(Withdrawal(switch.read(), {}, missed=("lb1: does not answer",)), "")
    switch.mute = True
    undo.look_again(switch)
    assert undo.left == ("lb1: does not answer",)
