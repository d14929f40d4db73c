"""All traffic back to blue, whatever state green is in."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError, TrafficError
from migrator.journal.records.migration import MigrationRecord, Retired
from migrator.journal.records.traffic import FenceAnnounced, RollbackEnded, RollbackStarted, ShiftAnnounced
from migrator.migration.rollback import RollbackResult, rollback
from migrator.migration.state import Stage
from migrator.model.events import Step
from migrator.model.kinds import CRON_JOBS
from migrator.model.ref import ObjectRef
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, unavailable
from tests.support.journals import migration_run
from tests.support.objects import cron_job
from tests.support.traffic import FakeSwitch

NIGHTLY = ObjectRef("batch", "CronJob", "default", "nightly")
FENCED: tuple[MigrationRecord, ...] = (FenceAnnounced({NIGHTLY: NIGHTLY}), ShiftAnnounced(50))


def clusters() -> tuple[FakeCluster, FakeCluster]:
    """Return blue with a CronJob that is suspended, and green where it runs."""
    blue, green = FakeCluster("blue"), FakeCluster("green")
    for cluster in (blue, green):
        cluster.hold(cron_job("nightly", suspend=cluster is blue) | {"metadata": {"name": "nightly", "namespace": "default"}})
    return blue, green


def suspended(cluster: FakeCluster) -> bool:
    """Return whether the CronJob is suspended."""
    return bool(cluster.get(CRON_JOBS, "default", "nightly")["spec"]["suspend"])


def switch_at(percent: float, clock: FakeClock) -> FakeSwitch:
    """Return a load balancer that takes a quarter of a second for a shift."""
    switch = FakeSwitch(clock, percent=percent)
    switch.shift_seconds = 0.25
    return switch


def test_traffic_goes_back_first_then_cronjobs() -> None:
    """It is timed, recorded, and forced to disk."""
    run, journal, clock, recorder = migration_run(*FENCED)
    blue, green = clusters()
    switch = switch_at(50, clock)
    state_at_shift: list[bool] = []
    switch.before_shift = lambda _: state_at_shift.append(suspended(blue))
    result = rollback(blue, green, switch, run=run)
    assert result == RollbackResult(0.25, (str(NIGHTLY),), ())
    assert (switch.percent, state_at_shift) == (0, [True])
    assert (suspended(blue), suspended(green)) == (False, True)
    assert journal.records[len(FENCED)] == RollbackStarted()
    assert journal.records[-1] == RollbackEnded(0.25, (NIGHTLY,), ())
    assert journal.synced == len(journal.kept)
    assert (run.state.stage, run.state.green_percent, run.state.fenced) == (Stage.ROLLED_BACK, 0, {})
    assert [event.text for event in recorder.events if isinstance(event, Step)] == [
        "all traffic to blue",
        "1 CronJobs back to blue",
    ]


def test_a_green_that_is_away_holds_nothing_up() -> None:
    """Traffic and blue's CronJobs are back; what green may still do is told, and recorded."""
    run, journal, clock, _ = migration_run(*FENCED)
    blue, green = clusters()
    green.faults.append(Fault("patch", unavailable))
    result = rollback(blue, green, switch_at(50, clock), run=run)
    assert not suspended(blue)
    assert [text.partition(":")[0] for text in result.undone] == [f"{NIGHTLY} on green may still run"]
    assert journal.records[-1] == RollbackEnded(0.25, (NIGHTLY,), result.undone)
    assert run.state.fenced == {NIGHTLY: NIGHTLY}


def test_without_a_load_balancer_only_cronjobs_go_back() -> None:
    """There is no traffic to move, and no time that it took."""
    run, journal, _, _ = migration_run(FENCED[0])
    blue, green = clusters()
    assert rollback(blue, green, None, run=run).traffic_seconds == 0
    assert not suspended(blue)
    assert not any(isinstance(record, ShiftAnnounced) for record in journal.records)


def test_with_nothing_to_take_back_the_traffic_is_set_all_the_same() -> None:
    """What the load balancer does is not known from the journal alone."""
    run, _, clock, _ = migration_run()
    switch = switch_at(0, clock)
    assert rollback(*clusters(), switch, run=run) == RollbackResult(0.25, (), ())
    assert switch.shifts == [0]


def test_traffic_that_cannot_be_moved_is_an_error_and_no_rollback() -> None:
    """CronJobs stay where the traffic is."""
    run, _, clock, _ = migration_run(*FENCED)
    blue, green = clusters()
    switch = switch_at(50, clock)
    switch.refused = {0}
    with pytest.raises(TrafficError):
        rollback(blue, green, switch, run=run)
    assert (suspended(blue), suspended(green)) == (True, False)
    assert run.state.stage is not Stage.ROLLED_BACK


def test_once_blue_is_retired_there_is_nothing_to_go_back_to() -> None:
    """Nothing is touched."""
    run, journal, clock, _ = migration_run(Retired("archive", 1))
    switch = switch_at(100, clock)
    with pytest.raises(BlockedError, match="blue is retired") as caught:
        rollback(*clusters(), switch, run=run)
    assert caught.value.hint
    assert (switch.shifts, len(journal.records)) == ([], 1)
