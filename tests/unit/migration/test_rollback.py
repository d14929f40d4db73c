"""All traffic back to blue, whatever state green is in."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from migrator.config.load import parse_migration
from migrator.errors import CommandFailedError, ConfigError, TrafficError
from migrator.journal.records.migration import HookStarted, MigrationRecord
from migrator.journal.records.traffic import (
    ConfigurationAnnounced,
    FenceAnnounced,
    RollbackEnded,
    RollbackStarted,
    ShiftAnnounced,
    Shifted,
)
from migrator.migration.fence import Side, WayBack
from migrator.migration.rollback import RollbackResult, after, finish
from migrator.migration.run import Run
from migrator.migration.state import Stage
from migrator.migration.traffic_back import TrafficMoved, move_traffic
from migrator.model.events import Note, Step
from migrator.model.kinds import CRON_JOBS
from migrator.model.ref import ObjectRef
from migrator.model.traffic import Announce, FileChange
from migrator.ports import Blue
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, unavailable
from tests.support.journals import MemoryJournal, migration_run
from tests.support.objects import cron_job
from tests.support.recorder import Recorder
from tests.support.traffic import FakeRunner, FakeSwitch

NIGHTLY = ObjectRef("batch", "CronJob", "default", "nightly")
FENCED: tuple[MigrationRecord, ...] = (FenceAnnounced({NIGHTLY: NIGHTLY}), ShiftAnnounced(50), Shifted(50, {}))
AGE = 0.4321


@dataclass(slots=True)
class Stand:
    """A migration whose traffic and CronJob are on green."""

    run: Run
    journal: MemoryJournal[MigrationRecord]
    clock: FakeClock
    recorder: Recorder
    blue: FakeCluster
    green: FakeCluster
    switch: FakeSwitch

    def move(self, *, graceful: float | None = None) -> TrafficMoved:
        """Move the traffic."""
        return move_traffic("shop", self.journal.entries(), self.switch, self.recorder, lambda: AGE, graceful=graceful)

    def finish(self, moved: TrafficMoved | None = None, *, blue: Side | None = None, green: Side | None = None) -> RollbackResult:
        """Do the rest."""
        blue, green = blue or Side(lambda: self.blue, 1.0), green or Side(lambda: self.green, 1.0)
        return finish(moved or self.move(), WayBack(blue, green), run=self.run)

    @property
    def runs_on(self) -> tuple[bool, bool]:
        """Whether the CronJob runs on blue, and on green."""
        blue, green = (not side.get(CRON_JOBS, "default", "nightly")["spec"]["suspend"] for side in (self.blue, self.green))
        return blue, green


@pytest.fixture
def stand() -> Stand:
    """Return a migration with half of its traffic on green."""
    run, journal, clock, recorder = migration_run(*FENCED)
    blue, green = FakeCluster("blue", clock=clock), FakeCluster("green", clock=clock)
    for cluster in (blue, green):
        cluster.hold(cron_job("nightly", suspend=cluster is blue) | {"metadata": {"name": "nightly", "namespace": "default"}})
    return Stand(run, journal, clock, recorder, blue, green, FakeSwitch(clock, percent=50))


def test_traffic_goes_back_before_anything_is_asked_or_written(stand: Stand) -> None:
    """Neither cluster gets a request, and the journal is only read."""
    stand.journal.full = True
    assert stand.move().seconds == round(AGE, 3)
    assert stand.switch.shifts == [0]
    assert (stand.blue.requests, stand.green.requests) == ([], [])
    assert len(stand.journal.records) == len(FENCED)


def test_then_cronjobs_go_back_and_all_of_it_is_written(stand: Stand) -> None:
    """The journal says afterwards what was done."""
    assert stand.finish() == RollbackResult(0.432, (str(NIGHTLY),), ())
    assert stand.runs_on == (True, False)
    assert stand.journal.records[len(FENCED) : len(FENCED) + 2] == [RollbackStarted(), Shifted(0, {"blue": 256, "green": 0})]
    assert stand.journal.records[-1] == RollbackEnded(0.432, (NIGHTLY,), ())
    assert (stand.run.state.stage, stand.run.state.green_percent, stand.run.state.handed) == (Stage.ROLLED_BACK, 0, {})


def test_traffic_that_comes_back_to_green_meanwhile_is_moved_once_more(stand: Stand) -> None:
    """An HAProxy that a reload started may have read the old weights: the last look is at the end."""
    moved = stand.move()
    stand.switch.percent = 100
    result = stand.finish(moved)
    assert (stand.switch.percent, result.undone) == (0, ())
    shifted = [record for record in stand.journal.records[len(FENCED) :] if isinstance(record, Shifted)]
    assert [record.percent for record in shifted] == [0, 0]
    assert "green has 100 % of the traffic again, as after a reload: it is moved once more" in [
        event.text for event in stand.recorder.events if isinstance(event, Note)
    ]


def test_a_configuration_that_cannot_be_written_is_listed_and_stops_nothing(stand: Stand) -> None:
    """It is the last act, after all traffic is on blue, and announced before."""

    def restarts(announce: Announce | None) -> tuple[str, ...]:
        assert announce
        announce(FileChange("lb1:/f", "/f.before", ("server blue weight 100",), {"blue": 100}))
        assert stand.switch.percent == 0
        raise TrafficError("no room", hint="make room")

    stand.switch.restarts = restarts
    result = stand.finish()
    assert (result.handed_back, result.undone) == ((str(NIGHTLY),), ("after a restart of the load balancer: no room (make room)",))
    assert stand.journal.records[-2:] == [
        ConfigurationAnnounced("lb1:/f", "/f.before", {"blue": 100}),
        RollbackEnded(0.432, (NIGHTLY,), result.undone),
    ]
    assert Step("changing lb1:/f: `server blue weight 100`; /f.before keeps it as it was") in stand.recorder.events


def test_what_a_restart_would_give_green_again_is_told_at_the_end(stand: Stand) -> None:
    """Where nobody asked for it to be written; a load balancer that has stopped to answer is not asked again."""
    stand.switch.restarts = lambda _announce: ("a restart would lose this",)
    assert stand.finish().undone == ()
    assert Note("a restart would lose this", warning=True) in stand.recorder.events


def test_a_last_look_without_an_answer_is_told(stand: Stand) -> None:
    """Nobody is told that all traffic is on blue when nobody knows."""
    moved = stand.move()
    stand.switch.percent = 100
    stand.switch.refused = {0}
    result = stand.finish(moved)
    assert result.undone == ("whether all traffic is still on blue is unknown: haproxy does not take 0 %",)
    assert stand.journal.records[-1] == RollbackEnded(0.432, (NIGHTLY,), result.undone)


def test_a_green_that_is_away_holds_nothing_up(stand: Stand) -> None:
    """Blue's CronJobs are back; what green may still do is told, and recorded."""
    stand.green.faults.append(Fault("patch", unavailable))
    result = stand.finish()
    assert stand.runs_on[0]
    assert [text.partition(":")[0] for text in result.undone] == [f"{NIGHTLY} on green may still run"]
    assert stand.journal.records[-1] == RollbackEnded(0.432, (NIGHTLY,), result.undone)
    assert list(stand.run.state.handed) == [NIGHTLY]
    stand.green.faults.clear()
    assert stand.finish().undone == ()
    assert (stand.runs_on, stand.run.state.handed) == ((True, False), {})


@pytest.mark.parametrize("away", ["blue", "green"])
def test_a_side_that_cannot_even_be_opened_is_listed(stand: Stand, away: str) -> None:
    """A kubeconfig that is gone: the other side is handled all the same."""

    def gone() -> Blue:
        raise ConfigError(["kubeconfig: no such file"])

    result = stand.finish(blue=Side(gone, 1.0)) if away == "blue" else stand.finish(green=Side(gone, 1.0))
    assert [text.rpartition(": ")[2] for text in result.undone] == ["no such file"]
    assert away in result.undone[0]
    assert stand.runs_on == ((False, False) if away == "blue" else (True, True))


def test_another_cluster_under_that_address_is_left_alone(stand: Stand) -> None:
    """The journal knows whose CronJobs were suspended."""
    result = stand.finish(green=Side(lambda: stand.green, 1.0, identity="another"))
    assert "another cluster than the journal's" in result.undone[0]
    assert stand.runs_on == (True, True)


def test_a_journal_that_cannot_be_written_stops_nothing(stand: Stand) -> None:
    """Traffic and CronJobs are back; the person is told that the journal does not say so."""
    stand.journal.full = True
    result = stand.finish()
    assert (stand.switch.percent, stand.runs_on) == (0, (True, False))
    assert result.undone == ("this was done, but could not be written to the journal: disk full",)
    stand.journal.full = False
    assert stand.finish().undone == ()
    assert stand.run.state.stage is Stage.ROLLED_BACK


def test_without_a_load_balancer_only_cronjobs_go_back(stand: Stand) -> None:
    """There is no traffic to move, and no time that it took."""
    moved = move_traffic("shop", stand.journal.entries(), None, stand.recorder, lambda: AGE)
    assert stand.finish(moved).traffic_seconds == 0
    assert stand.runs_on == (True, False)
    assert sum(isinstance(record, Shifted) for record in stand.journal.records) == 1


def test_with_nothing_to_take_back_the_traffic_is_set_and_no_cluster_is_asked() -> None:
    """What the load balancer does is not known from the journal alone."""
    run, journal, clock, recorder = migration_run()
    switch = FakeSwitch(clock)

    def never() -> Blue:
        raise AssertionError

    moved = move_traffic("shop", journal.entries(), switch, recorder, lambda: AGE)
    assert finish(moved, WayBack(Side(never, 1.0), Side(never, 1.0)), run=run) == RollbackResult(0.432, (), ())
    assert switch.shifts == [0]


def test_traffic_that_cannot_be_moved_is_an_error_and_no_rollback(stand: Stand) -> None:
    """CronJobs stay where the traffic is."""
    stand.switch.refused = {0}
    with pytest.raises(TrafficError):
        stand.move()
    assert stand.runs_on == (False, True)


def test_a_complaint_beside_the_weights_is_listed(stand: Stand) -> None:
    """The traffic is on blue, and a restart of the load balancer may lose that."""
    stand.switch.complains = "state file cannot be written"
    assert stand.finish().undone == ("the load balancer: state file cannot be written",)
    assert stand.switch.percent == 0


def test_hooks_run_also_when_the_journal_cannot_be_written(stand: Stand) -> None:
    """One that fails is an error."""
    text = "{name: shop, blue: {kubeconfig: k}, green: {kubeconfig: k}, hooks: {afterRollback: [[tell, secret], [again]]}}"
    hooks = parse_migration(text, "migration.yaml").hooks
    runner = FakeRunner()
    after(hooks, runner, stand.run)
    assert HookStarted("afterRollback", "tell") in stand.journal.records
    stand.journal.full = True
    after(hooks, runner, stand.run)
    assert runner.ran == [("tell", "secret"), ("again",)] * 2
    with pytest.raises(CommandFailedError):
        after(hooks, FakeRunner(failing="tell"), stand.run)


def test_what_was_open_on_green_is_ended_and_told(stand: Stand) -> None:
    """In the result and in the journal, by server."""
    stand.switch.open_on_green = 3
    result = stand.finish()
    assert (result.ended, result.still_open, result.undone) == ({"green": 3}, {}, ())
    assert Shifted(0, {"blue": 256, "green": 0}, {"green": 3}) in stand.journal.records
    assert "3 open connections (green 3) on green were ended" in [
        event.text for event in stand.recorder.events if isinstance(event, Note)
    ]


def test_what_does_not_end_is_listed(stand: Stand) -> None:
    """Nobody stays on green unseen."""
    stand.switch.open_on_green, stand.switch.stays = 2, True
    result = stand.finish()
    assert (result.ended, result.still_open) == ({}, {"green": 2})
    assert result.undone == ("2 open connections (green 2) on green did not end",)


def test_with_time_connections_end_by_themselves(stand: Stand) -> None:
    """CronJobs do not wait for that."""
    stand.switch.open_on_green = 1
    moved = stand.move(graceful=60)
    stand.clock.after(30, lambda: setattr(stand.switch, "open_on_green", 0))
    result = stand.finish(moved)
    assert (result.ended, result.still_open, result.undone) == ({}, {}, ())
    assert (stand.runs_on, stand.clock.monotonic() < 40) == ((True, False), True)


def test_what_is_open_when_the_time_is_over_is_listed(stand: Stand) -> None:
    """With the way to end it."""
    stand.switch.open_on_green = 4
    result = stand.finish(stand.move(graceful=60))
    assert result.still_open == {"green": 4}
    assert result.undone == ("4 open connections (green 4) on green after 60 s; without --graceful they are ended",)
    assert stand.journal.records[-1] == RollbackEnded(0.432, (NIGHTLY,), result.undone)


def test_a_load_balancer_that_does_not_tell_ends_the_wait(stand: Stand) -> None:
    """Nothing is said of connections that nobody can count."""
    stand.switch.open_on_green = 1
    moved = stand.move(graceful=60)
    stand.clock.after(5, lambda: setattr(stand.switch, "mute", True))
    result = stand.finish(moved)
    assert result.undone == (
        "the open connections are unknown on green: haproxy does not answer",
        "whether all traffic is still on blue is unknown: haproxy does not answer",
    )
