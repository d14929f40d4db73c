"""Traffic goes to green step by step; whatever goes wrong, all of it goes back."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import Mock

import pytest

from migrator.config.schema import Gates, Probe, TcpProbe
from migrator.config.traffic import Course
from migrator.errors import BlockedError, GateFailedError, JournalError, MigratorError, TrafficError, UnavailableError
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.traffic import (
    ClocksCompared,
    ConfigurationAnnounced,
    CutoverEnded,
    CutoverStarted,
    GateFailed,
    GatePassed,
    Sampled,
    ShiftAnnounced,
    Shifted,
)
from migrator.migration.ages import Moment
from migrator.migration.cutover import Consent, CutoverInputs, cut_over, look, require_judges, require_verdict, settle_blue
from migrator.migration.fence import Side, WayBack
from migrator.migration.run import Run
from migrator.migration.state import Stage, State
from migrator.model.events import Event, Note
from migrator.model.traffic import Abilities, FileChange
from migrator.model.verdict import Finding
from tests.support.clock import FakeClock, interrupt
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.lock import FakeLock
from tests.support.journals import MemoryJournal, migration_run
from tests.support.recorder import Recorder
from tests.support.traffic import FakeProber, FakeSwitch

SOAK = 30.0


def seconds(number: float) -> datetime.timedelta:
    """Return a duration."""
    return datetime.timedelta(seconds=number)


@dataclass(slots=True)
class Shift:
    """A cutover's traffic, and what it is done with."""

    run: Run
    journal: MemoryJournal[MigrationRecord]
    clock: FakeClock
    recorder: Recorder
    inputs: CutoverInputs
    switch: FakeSwitch
    prober: FakeProber
    lock: FakeLock
    turn: Callable[[], None] = lambda: None

    def go(self) -> None:
        """Cut over; the CronJob is turned over in between."""
        never = Side(FakeCluster, 1.0)
        cut_over(self.inputs, self.turn, WayBack(never, never), self.run)

    def gates(self, **more: Any) -> None:
        """Set other conditions."""
        self.inputs = replace(self.inputs, gates=self.inputs.gates.model_copy(update=more))

    def fails(self, words: str, error: type[MigratorError] = GateFailedError) -> MigratorError:
        """Shift the traffic, and return the error that ends it."""
        with pytest.raises(error, match=words) as caught:
            self.go()
        return caught.value

    @property
    def written(self) -> list[MigrationRecord]:
        """All records but samples."""
        return [
            record
            for record in self.journal.records
            if not isinstance(record, Sampled | ClocksCompared | CutoverStarted | CutoverEnded)
        ]


@pytest.fixture
def shift() -> Shift:
    """Return a cutover in steps of 10, 50 and 100 percent, 30 s each, under 100 requests a second."""
    run, journal, clock, recorder = migration_run()
    course = Course((10, 50, 100), SOAK)
    gates = Gates(error_rate=0.01, min_requests=20)
    switch, prober, lock = FakeSwitch(clock), FakeProber(), FakeLock("a@host/1")
    return Shift(run, journal, clock, recorder, CutoverInputs(course, gates, (), switch, prober, lock), switch, prober, lock)


def test_each_step_is_announced_set_watched_and_judged(shift: Shift) -> None:
    """In this order, and each step for its soak time."""
    shift.go()
    assert shift.switch.shifts == [10, 50, 100]
    assert [(type(record), getattr(record, "percent", None)) for record in shift.written] == [
        (kind, percent) for percent in (10, 50, 100) for kind in (ShiftAnnounced, Shifted, GatePassed)
    ]
    assert shift.clock.monotonic() == pytest.approx(3 * SOAK)
    assert shift.run.state.green_percent == 100
    passed = [record for record in shift.written if isinstance(record, GatePassed)]
    assert [record.requests for record in passed] == [300, 1500, 3000]
    samples = [record for record in shift.journal.records if isinstance(record, Sampled)]
    assert (samples[0].green.requests, samples[0].blue.requests, samples[0].green.latency_ms) == (10, 90, 5.0)


def test_the_next_start_is_written_before_a_cutover_has_ended(shift: Shift) -> None:
    """A run that is cut off before it goes on there; what cannot be written is told, and is no reason to go back."""
    change = FileChange("/f", "/f.before", (), {"green": 100})
    shift.switch.restarts = lambda announce: (announce(change) if announce else None) or ()
    shift.go()
    assert isinstance(shift.journal.records[-3], ConfigurationAnnounced)
    assert shift.journal.records[-1] == CutoverEnded(good=True)
    shift.switch.restarts = Mock(side_effect=TrafficError("no room"))
    shift.go()
    assert shift.switch.percent == 100
    assert Note("whether a restart of the load balancer keeps this is unknown: no room", warning=True) in shift.recorder.events


def test_each_step_tells_what_stays_on_blue(shift: Shift) -> None:
    """Connections that live long are not requests: nothing else would show them."""
    shift.switch.blue_sessions = 7
    shift.go()
    told = [note for note in shift.recorder.notes if "open now" in note]
    assert told[0] == "10 %: open now: 7 on blue, which stay there until they end, 1 on green"
    assert [note.partition(":")[0] for note in told] == ["10 %", "50 %", "100 %"]


def test_what_nobody_counts_is_not_told(shift: Shift) -> None:
    """A name in DNS knows no connection."""
    shift.switch.can = Abilities(counters=False)
    shift.go()
    assert not [note for note in shift.recorder.notes if "open now" in note]


def test_a_shift_is_on_disk_before_it_is_made(shift: Shift) -> None:
    """A power cut in between must not hide that traffic may be on green."""
    on_disk: list[bool] = []
    shift.switch.before_shift = lambda percent: on_disk.append(
        ShiftAnnounced(percent) in shift.journal.records[: shift.journal.synced]
    )
    shift.go()
    assert on_disk == [True, True, True]


def test_what_cannot_be_announced_is_not_done(shift: Shift) -> None:
    """No line in the journal, no change of weights."""
    shift.journal.full = True
    with pytest.raises(MigratorError, match="disk full"):
        shift.go()
    assert shift.switch.shifts == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda s: setattr(s.switch, "error_rate", lambda _: 0.1),
            r"2 of 20 requests on green failed \(10\.0%; gates.errorRate is 1\.0%\)",
        ),
        (lambda s: setattr(s.switch, "latency_ms", lambda _: 80.0), r"green answers in 80 ms \(gates.latency is 50 ms\)"),
        (
            lambda s: s.clock.after(5, lambda: setattr(s.switch, "percent", 30.0)),
            "weights were changed from outside: green has 30 %, not 10 %",
        ),
        (lambda s: setattr(s.switch, "per_second", 1.0), "green answered 12 requests at 10 %, and gates.minRequests is 20"),
        (lambda s: s.prober.reasons.update(shop="refused"), "probe shop at 10 %: refused"),
        (lambda s: s.switch.refused.add(10), "haproxy does not take 10 %"),
    ],
    ids=["errors", "latency", "weights", "too few requests", "probe", "load balancer"],
)
def test_whatever_fails_all_traffic_goes_back(shift: Shift, spoil: Callable[[Shift], None], words: str) -> None:
    """It is shown to the person, told with a hint, and recorded when the traffic is back."""
    shift.gates(latency=seconds(0.05))
    shift.inputs = replace(shift.inputs, probes=(Probe(name="shop", tcp=TcpProbe(host="h", port=1), timeout=seconds(1)),))
    spoil(shift)
    error = shift.fails(words)
    assert error.message.endswith("; all traffic is back on blue")
    assert error.hint
    assert (shift.switch.percent, shift.run.state.green_percent) == (0, 0)
    failed, shifted = shift.written[-2:]
    assert isinstance(failed, GateFailed)
    assert failed.percent == 10
    assert error.message.startswith(failed.reason)
    assert shifted == Shifted(0, {"blue": 256, "green": 0})
    assert shift.journal.records[-1] == CutoverEnded(good=False, reason=failed.reason)
    assert any("all traffic is back on blue" in note for note in shift.recorder.notes)


def test_a_later_step_that_fails_goes_back_all_the_way(shift: Shift) -> None:
    """A green that breaks under half of the traffic gets none."""
    shift.switch.error_rate = lambda percent: 0.5 if percent == 50 else 0.0
    shift.fails("all traffic is back on blue")
    assert shift.switch.shifts == [10, 50, 0]


def test_a_rollback_between_two_steps_is_not_overruled(shift: Shift) -> None:
    """It came from another terminal, after the last look at the weights."""
    passed = shift.prober.probe

    def gone_back(probe: Probe) -> Finding:
        shift.switch.percent = 0
        return passed(probe)

    shift.prober.probe = gone_back  # type: ignore[method-assign]
    shift.inputs = replace(shift.inputs, probes=(Probe(name="shop", tcp=TcpProbe(host="h", port=1), timeout=seconds(1)),))
    shift.fails("weights were changed from outside: green has 0 %, not 10 %")
    assert shift.switch.shifts == [10, 0]


def test_many_errors_end_a_step_early(shift: Shift) -> None:
    """A bad rate is judged as soon as 20 requests were answered; nobody waits for the soak time to end."""
    shift.switch.error_rate = lambda _: 0.5
    shift.fails("10 of 20 requests on green failed")
    assert shift.clock.monotonic() == 2.0


def test_one_early_error_ends_nothing(shift: Shift) -> None:
    """One error of the first two requests is half of them, and says little."""
    shift.switch.per_second = 10.0
    shift.switch.error_rate = lambda _: 1.0 if shift.clock.monotonic() <= 1 else 0.0
    shift.gates(error_rate=0.06)
    shift.go()
    assert shift.switch.percent == 100


def test_few_requests_are_judged_when_the_step_ends(shift: Shift) -> None:
    """Less than 20 requests are never judged early, and yet their errors count."""
    shift.switch.per_second, shift.switch.error_rate = 5.0, lambda _: 0.3
    shift.gates(min_requests=5)
    shift.fails(r"of 15 requests on green failed")
    assert shift.clock.monotonic() == pytest.approx(SOAK)


def test_a_step_without_traffic_is_not_proven_unless_that_is_accepted(shift: Shift) -> None:
    """It waits four soak times for requests; `minRequests: 0` accepts silence."""
    shift.switch.per_second = 0.0
    assert "gates.minRequests: 0" in shift.fails("green answered 0 requests at 10 %").hint
    assert shift.clock.monotonic() == pytest.approx(4 * SOAK)
    shift.gates(min_requests=0)
    shift.go()
    assert shift.clock.monotonic() == pytest.approx(7 * SOAK)


def test_a_step_waits_for_enough_requests_and_no_longer(shift: Shift) -> None:
    """Traffic that is thin makes a step longer, up to four soak times."""
    shift.switch.per_second = 4.0
    shift.go()
    assert shift.clock.monotonic() == pytest.approx(50 + 2 * SOAK, abs=1)


def test_interrupted_by_a_person_all_traffic_goes_back(shift: Shift) -> None:
    """^C is passed on, after the traffic is back."""
    shift.clock.after(SOAK + 5, interrupt)
    with pytest.raises(KeyboardInterrupt):
        shift.go()
    assert shift.switch.shifts == [10, 50, 0]
    assert GateFailed("interrupted by ^C", 50) in shift.written


def test_traffic_that_cannot_be_moved_back_is_an_error_of_its_own(shift: Shift) -> None:
    """Nobody is told that all traffic is on blue when it is not."""
    shift.switch.refused = {50, 0}
    error = shift.fails("does not take 0 %", TrafficError)
    assert "back on blue" not in error.message
    assert "Green may have 50 %: run `migrator rollback`" in error.hint
    assert not any(isinstance(record, CutoverEnded) for record in shift.journal.records)
    assert shift.run.state.stage is Stage.CUTTING_OVER
    assert shift.switch.percent == 10


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("x"), SystemExit(1), OSError(5, "terminal is gone"), KeyboardInterrupt("SIGHUP")]
)
def test_whatever_ends_it_all_traffic_goes_back_and_the_error_stays_what_it_was(shift: Shift, error: BaseException) -> None:
    """A bug, a closed terminal, a signal: an undo asks nobody why."""

    def stop(percent: float) -> None:
        if percent == 50:
            raise error

    shift.switch.before_shift = stop
    with pytest.raises(type(error)) as caught:
        shift.go()
    assert caught.value is error
    assert shift.switch.shifts == [10, 0]
    ended = shift.journal.records[-1]
    assert isinstance(ended, CutoverEnded)
    assert ended.reason in ("a bug: ZeroDivisionError", "SystemExit", "a bug: OSError", "interrupted by SIGHUP")
    assert (shift.run.state.stage, shift.run.state.unknown) == (Stage.ROLLED_BACK, ())


def test_on_a_full_disk_all_is_taken_back_and_there_is_room_to_say_so(shift: Shift) -> None:
    """The room was kept before anything was changed."""
    shift.clock.after(SOAK + 5, lambda: setattr(shift.journal, "full", True))
    error = shift.fails("disk full; all traffic is back on blue")
    assert shift.switch.shifts == [10, 50, 0]
    assert isinstance(shift.journal.records[-1], CutoverEnded)
    assert error.exit_code == 3


def test_a_journal_that_takes_nothing_any_more_stops_no_undo(shift: Shift) -> None:
    """All traffic is on blue, and the person is told that the journal does not say so."""

    def break_it() -> None:
        shift.journal.full, shift.journal.use_reserve = True, lambda: None  # type: ignore[method-assign]

    shift.clock.after(SOAK + 5, break_it)
    shift.fails("all traffic is back on blue")
    assert shift.switch.percent == 0
    assert any("this was done, but could not be written to the journal: disk full" in note for note in shift.recorder.notes)
    assert shift.run.state.stage is Stage.CUTTING_OVER


def test_without_room_for_an_undo_nothing_begins(shift: Shift) -> None:
    """A cutover that could not be taken back in writing is not begun."""
    shift.journal.full = True
    with pytest.raises(JournalError):
        shift.go()
    assert (shift.switch.shifts, shift.journal.records) == ([], [])


def test_a_terminal_that_is_gone_stops_no_undo(shift: Shift) -> None:
    """Nothing can be shown any more; all is taken back all the same."""

    class Closed:
        def emit(self, event: Event) -> None:
            raise OSError(5, str(event))

    shift.run = replace(shift.run, reporter=Closed())
    shift.inputs.switch.shift(50)
    with pytest.raises(OSError, match="0 % of traffic to green"):
        shift.go()
    assert shift.switch.percent == 0


@pytest.mark.parametrize(
    ("records", "has", "written"),
    [
        ((ShiftAnnounced(50),), 50, True),
        ((ShiftAnnounced(50),), 0, True),
        ((ShiftAnnounced(50), Shifted(50, {})), 50.4, False),
        ((ShiftAnnounced(50), Shifted(50, {})), 0, True),
    ],
)
def test_what_the_load_balancer_does_is_looked_at_and_written(
    shift: Shift,
    records: tuple[MigrationRecord, ...],
    has: float,
    written: bool,  # noqa: FBT001
) -> None:
    """An announcement is not a fact, and neither is a fact that somebody has changed since."""
    for record in (CutoverStarted(), *records):
        shift.run.write(record)
    shift.switch.percent = has
    look(shift.switch, shift.run)
    assert (shift.run.state.green_percent, shift.run.state.announced_percent) == (has if written else 50, None)
    assert len(shift.journal.records) == 1 + len(records) + written


def test_traffic_that_has_left_green_is_no_success(shift: Shift) -> None:
    """A rollback that was killed, or a load balancer that has lost its state: the one command is named."""
    for record in (CutoverStarted(), Shifted(100, {}), CutoverEnded(good=True)):
        shift.run.write(record)
    with pytest.raises(BlockedError, match="green has 0 % of the traffic, but the journal says all of it") as caught:
        look(shift.switch, shift.run)
    assert "migrator rollback" in caught.value.hint


@pytest.mark.parametrize(("had", "shifts"), [(0, [10, 50, 100]), (10, [10, 50, 100]), (30, [50, 100]), (100, [100])])
def test_an_interrupted_cutover_goes_on_from_the_share_that_green_has(shift: Shift, had: float, shifts: list[float]) -> None:
    """The step that was cut off is watched again; lower ones are not."""
    shift.run.write(ShiftAnnounced(had))
    shift.switch.percent = had
    look(shift.switch, shift.run)
    shift.go()
    assert shift.switch.shifts == shifts


NOW = 1_800_000_000.0
GATES = Gates(verdict_age=seconds(900))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State(Stage.RETIRED, good_verdict=Moment(NOW)), "is retired"),
        (State(Stage.ON_GREEN, good_verdict=Moment(NOW)), "all traffic is on green already"),
        (State(Stage.COPIED), "no good verdict since the last copy"),
        (State(Stage.VALIDATED, good_verdict=Moment(NOW - 901)), "the last good verdict is 15 minutes old"),
        (State(Stage.VALIDATED, good_verdict=Moment(NOW + 90)), "lies 1.5 minutes in the future: a clock was set back"),
        (State(Stage.VALIDATED, good_verdict=Moment(NOW - 9, NOW + 90)), "lies 1.5 minutes in the future: a clock was set back"),
        (State(Stage.VALIDATED, good_verdict=Moment(NOW - 9, NOW - 901)), "the last good verdict is 15 minutes old"),
        (State(Stage.VALIDATED, good_verdict=Moment(NOW - 901, NOW - 9)), "the last good verdict is 15 minutes old"),
    ],
)
def test_a_cutover_needs_a_good_and_fresh_verdict(state: State, words: str) -> None:
    """Without one nothing moves, and what to do is said."""
    with pytest.raises(BlockedError, match=words) as caught:
        require_verdict(state, GATES, Moment(NOW, NOW))
    assert caught.value.hint


@pytest.mark.parametrize(
    "state",
    [State(Stage.VALIDATED, good_verdict=Moment(NOW - 899, NOW + 1)), State(Stage.CUTTING_OVER, good_verdict=Moment(NOW - 9999))],
)
def test_a_fresh_verdict_or_an_interrupted_cutover_may_go_on(state: State) -> None:
    """An interrupted cutover had its verdict; its gates judge every step anew."""
    require_verdict(state, GATES, Moment(NOW, NOW))
    assert state.stage in (Stage.VALIDATED, Stage.CUTTING_OVER)


def test_green_gets_no_more_traffic_without_the_lock(shift: Shift) -> None:
    """Another run has taken it, or nobody can tell: what green has goes back to blue, which needs no lock."""
    shift.lock.silence = UnavailableError("green does not answer")
    shift.fails("green does not answer; all traffic is back on blue")
    assert ShiftAnnounced(10.0) not in shift.written
    shift.lock.silence = None
    shift.clock.after(SOAK + 1, lambda: setattr(shift.lock, "taken_by", "ben@b/2"))
    shift.fails("lock was taken over by ben@b/2; all traffic is back on blue")
    assert [record.percent for record in shift.written if isinstance(record, ShiftAnnounced)] == [10, 50]
    assert (shift.switch.percent, shift.clock.monotonic() < SOAK * 1.2) == (0, True)


def test_a_green_api_that_is_away_during_a_step_is_left_to_the_gates(shift: Shift) -> None:
    """The lock cannot be renewed for that time; its workloads may serve all the same."""
    shift.clock.after(1, lambda: setattr(shift.lock, "silence", UnavailableError("green does not answer")))
    shift.clock.after(SOAK - 2, lambda: setattr(shift.lock, "silence", None))
    shift.go()
    assert (shift.switch.percent, shift.lock.asked) == (100, 3)


BLIND = Abilities(counters=False, uncounted=("dns shop",), stale_seconds=300)
PROBE = Probe(name="front", tcp=TcpProbe(host="h", port=1))


def test_what_counts_nothing_is_judged_by_probes_for_as_long_as_clients_may_stay_behind(shift: Shift) -> None:
    """No minimum of requests can be asked of it; each look asks the probes."""
    shift.switch.can = BLIND
    shift.inputs = replace(shift.inputs, probes=(PROBE,))
    require_judges(shift.inputs, shift.run)
    assert [str(event.text) for event in shift.recorder.events if isinstance(event, Note)] == [
        "dns shop has no request counters: the probes judge each step (front)",
        "clients may stay behind on blue for 300 s after a step, so each is watched for that long",
    ]
    began = shift.clock.monotonic()
    shift.go()
    assert shift.clock.monotonic() - began >= 900
    assert len(shift.prober.asked) > 800
    assert shift.switch.percent == 100


def test_a_probe_that_fails_while_a_step_is_watched_moves_all_back(shift: Shift) -> None:
    """Where nothing is counted, no later than the next look."""
    shift.switch.can = BLIND
    shift.inputs = replace(shift.inputs, probes=(PROBE,))
    shift.prober.reasons["front"] = "answered 502"
    shift.fails("probe front at 10 %: answered 502; all traffic is back on blue")
    assert (shift.prober.asked, shift.switch.percent) == (["front"], 0)


def test_without_counters_and_probes_nothing_begins(shift: Shift) -> None:
    """Nothing would judge a step."""
    shift.switch.can = BLIND
    with pytest.raises(
        BlockedError, match="nothing can judge the steps: dns shop has no request counters, and there are no probes"
    ):
        require_judges(shift.inputs, shift.run)


def test_a_share_that_one_of_several_does_not_have_was_changed_from_outside(shift: Shift) -> None:
    """Each is read back, not their sum."""
    whole = shift.switch.read
    shift.switch.read = lambda: replace(whole(), least_percent=min(whole().green_percent, 10.0))  # type: ignore[method-assign]
    shift.fails("weights were changed from outside: green has 10 % to 50 %, not 50 %")


def test_what_is_open_on_blue_at_the_end_is_told_waited_for_or_ended(shift: Shift) -> None:
    """It is ended only by consent."""
    shift.switch.blue_sessions = 3
    assert settle_blue(shift.switch, Consent(), shift.run) == ({"blue": 3}, {})
    assert shift.clock.slept == []
    assert settle_blue(shift.switch, Consent(wait_seconds=2), shift.run) == ({"blue": 3}, {})
    assert sum(shift.clock.slept) == 2
    assert settle_blue(shift.switch, Consent(end=True), shift.run) == ({}, {"blue": 3})
    shift.switch.mute = True
    assert settle_blue(shift.switch, Consent(end=True), shift.run) == (None, {})
