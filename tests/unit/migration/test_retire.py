"""Blue is given up only once nothing reaches it, and not without an archive."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from migrator.errors import BlockedError, TrafficError
from migrator.journal.records.decisive import Retired
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.traffic import ClocksCompared, CutoverEnded, ShiftAnnounced
from migrator.migration.archive import Archived
from migrator.migration.retire import record_retirement, require_retirable, require_whole
from migrator.migration.run import Run
from migrator.migration.state import Stage
from migrator.model.traffic import Abilities
from migrator.traffic.instances import Instances
from tests.support.clock import FakeClock
from tests.support.fake_cluster.faults import Fault, unavailable
from tests.support.journals import migration_run
from tests.support.pairs import pair
from tests.support.traffic import FakeSwitch

SOAK = 3600.0


def on_green(*more: MigrationRecord, waited: float = SOAK) -> tuple[Run, FakeClock, FakeSwitch]:
    """Return a run some time after a cutover, with all traffic on green."""
    run, _, clock, _ = migration_run(CutoverEnded(good=True), *more)
    clock.pass_time(waited)
    return run, clock, FakeSwitch(clock, percent=100)


def test_after_the_soak_time_without_traffic_blue_may_go() -> None:
    """The load balancer is watched for a while; without one the soak time is all there is."""
    run, clock, switch = on_green()
    require_retirable(run, switch, soak=SOAK, green_time=run.clock.now())
    assert clock.slept == [5.0]
    require_retirable(run, None, soak=SOAK, green_time=run.clock.now())
    assert clock.slept == [5.0]


@pytest.mark.parametrize(
    ("more", "waited", "words"),
    [
        ((Retired("archive", 1),), SOAK, "blue is retired already"),
        ((CutoverEnded(good=False),), SOAK, "traffic is not on green"),
        ((), SOAK - 60, r"green has had all traffic for 1\.0 h, and retire.soak is 1\.0 h"),
    ],
)
def test_before_its_time_blue_stays(more: tuple[MigrationRecord, ...], waited: float, words: str) -> None:
    """A migration that is not on green, or not for long enough; the load balancer is not even asked."""
    run, clock, switch = on_green(*more, waited=waited)
    with pytest.raises(BlockedError, match=words):
        require_retirable(run, switch, soak=SOAK, green_time=run.clock.now())
    assert clock.slept == []


BEGAN = 1_800_000_000.0
"""When the fake clock begins."""


@pytest.mark.parametrize(
    ("jump", "green_waited", "words"),
    [
        (2 * SOAK, 60.0, "for 0.0 h"),
        (60.0, 2 * SOAK, "for 0.0 h"),
        (-7200.0, 60.0, "for 0.0 h"),
        (-7200.0, -7200.0, "a clock was set back"),
        (2 * SOAK, 2 * SOAK, ""),
        (-7200.0, 2 * SOAK, ""),
    ],
    ids=["ahead here", "ahead on green", "back here, too early", "back on both", "over on both", "back here, over on green"],
)
def test_a_clock_that_jumps_ends_no_soak(jump: float, green_waited: float, words: str) -> None:
    """It is over when both clocks say so; one that was set back says nothing."""
    run, _, _, _ = migration_run(ClocksCompared(BEGAN - 500), CutoverEnded(good=True))
    run.clock.pass_time(jump)  # type: ignore[attr-defined]
    green_time = BEGAN - 500 + 1 + green_waited
    if not words:
        require_retirable(run, None, soak=SOAK, green_time=green_time)
        assert run.state.stage is Stage.ON_GREEN
        return
    with pytest.raises(BlockedError, match=words):
        require_retirable(run, None, soak=SOAK, green_time=green_time)


def test_traffic_that_reaches_blue_keeps_it() -> None:
    """By weight, by a request, or by one that is still in flight."""
    run, _, switch = on_green()
    switch.percent = 95
    with pytest.raises(BlockedError, match="traffic still reaches blue: green has 95 %"):
        require_retirable(run, switch, soak=SOAK, green_time=run.clock.now())
    run, clock, switch = on_green()
    clock.after(2, lambda: setattr(switch, "percent", 50))
    with pytest.raises(BlockedError, match="traffic still reaches blue: 250 requests, 0 in flight"):
        require_retirable(run, switch, soak=SOAK, green_time=run.clock.now())
    run, _, switch = on_green()
    switch.blue_sessions = 3
    with pytest.raises(BlockedError, match="traffic still reaches blue: 0 requests, 3 in flight"):
        require_retirable(run, switch, soak=SOAK, green_time=run.clock.now())


def test_blue_stays_while_a_restart_of_the_load_balancer_may_lead_there() -> None:
    """A file that is the tool's to write, and is not as it must be; what a person has to write is told."""
    run, _, switch = on_green()
    told = Mock(return_value=("a restart would lose this",))
    switch.restarts = told
    require_retirable(run, switch, soak=SOAK, green_time=run.clock.now())
    told.side_effect = TrafficError("haproxy.cfg is not changed", hint="look")
    with pytest.raises(BlockedError, match=r"may lead to blue: haproxy\.cfg is not changed"):
        require_retirable(run, switch, soak=SOAK, green_time=run.clock.now())


@pytest.mark.parametrize("after", [0.0, 2.0], ids=["from the beginning", "while it is watched"])
def test_a_silent_instance_of_a_load_balancer_keeps_blue(after: float) -> None:
    """Nobody knows where it leads to, also where a cutover may go on without it (`unreachable: warn`)."""
    run, clock, one = on_green()
    other = FakeSwitch(clock, percent=100)
    switch = Instances({"lb1": one, "lb2": other}, may_lack=True, patience=30)
    require_retirable(run, switch, soak=SOAK, green_time=run.clock.now())
    gone = Mock(side_effect=TrafficError("haproxy does not answer"))
    if after:
        clock.after(after, lambda: setattr(other, "read", gone))
    else:
        other.read = gone  # type: ignore[method-assign]
    with pytest.raises(BlockedError, match="lb2 does not answer: it may send traffic to blue if it takes over"):
        require_retirable(run, switch, soak=SOAK, green_time=run.clock.now())


def test_a_kind_that_cannot_be_read_keeps_blue() -> None:
    """It would be lost with it; a person may leave the kind out knowingly."""
    both = pair()
    require_whole(both.read()[0])
    both.blue.faults.append(Fault("list", unavailable, kind="Secret"))
    with pytest.raises(BlockedError, match="the archive would lack what cannot be read: Secret: green answered 503"):
        require_whole(both.read()[0])


def test_the_end_is_recorded_on_disk(tmp_path: Path) -> None:
    """From then on the migration is closed."""
    run, journal, _, _ = migration_run(ShiftAnnounced(100), CutoverEnded(good=True))
    record_retirement(run, tmp_path / "a", Archived(7, "digest"))
    assert journal.records[-1] == Retired(str(tmp_path / "a"), 7, "digest")
    assert journal.synced == len(journal.kept)
    assert run.state.stage is Stage.RETIRED


def test_blue_stays_while_clients_may_hold_an_old_answer() -> None:
    """Longer than retire.soak, if it has to be; and what counts nothing is said."""
    run, _, clock, recorder = migration_run(CutoverEnded(good=True))
    clock.pass_time(100)
    switch = FakeSwitch(clock, percent=100)
    switch.can = Abilities(counters=False, uncounted=("dns shop",), stale_seconds=200)
    with pytest.raises(BlockedError, match="clients may hold an old answer for 200 s"):
        require_retirable(run, switch, soak=10, green_time=run.clock.now())
    clock.pass_time(100)
    require_retirable(run, switch, soak=10, green_time=run.clock.now())
    assert "nobody sees here whether something still reaches blue through it" in str(recorder.events)
