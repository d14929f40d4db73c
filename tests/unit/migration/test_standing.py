"""Where a migration stands: the journal decides what else is asked, and who does not answer is named."""

from __future__ import annotations

from migrator.errors import UnavailableError
from migrator.journal.records.decisive import Retired
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.traffic import CutoverStarted, FenceAnnounced, ShiftAnnounced, Shifted
from migrator.migration.fence import Side, WayBack
from migrator.migration.standing import Standing, stand
from migrator.migration.state import Stage
from migrator.ports import Blue, TrafficSwitch
from tests.support.clock import FakeClock
from tests.support.journals import entries
from tests.support.one_side import NIGHTLY, NIGHTLY_GREEN, new_pair
from tests.support.traffic import FakeSwitch

CUT: tuple[MigrationRecord, ...] = (
    CutoverStarted(),
    FenceAnnounced({NIGHTLY: NIGHTLY_GREEN}),
    ShiftAnnounced(50.0),
    Shifted(50.0, {}),
)


def asked(*records: MigrationRecord, switch: TrafficSwitch | None = None, away: bool = False) -> Standing:
    """Return where a migration with these records stands; `away`: neither cluster answers."""
    pair = new_pair()

    def side(cluster: Blue) -> Blue:
        if away:
            raise UnavailableError("it did not answer")
        return cluster

    back = WayBack(Side(lambda: side(pair.blue), 1.0), Side(lambda: side(pair.green), 1.0))
    return stand(entries(*records), lambda: switch, lambda _: back, pair.run.clock)


def test_before_a_cutover_nobody_is_asked() -> None:
    """Neither the load balancer, which a test would see fail, nor a cluster."""
    switch = FakeSwitch(FakeClock())
    switch.mute = True
    found = asked(switch=switch)
    assert (found.state.stage, found.last_event, found.percent_now, found.silence, found.now) == (Stage.NEW, None, None, "", None)


def test_during_a_cutover_all_are_asked() -> None:
    """The share that is set may be another than the journal's last."""
    found = asked(*CUT, switch=FakeSwitch(FakeClock(), percent=25.0))
    assert (found.percent_now, found.silence, found.last_event) == (25.0, "", 3.0)
    assert list(found.parts) == [NIGHTLY]
    assert found.now is not None
    assert found.now.running == {NIGHTLY: ("blue",)}


def test_who_does_not_answer_is_named() -> None:
    """The rest is told all the same."""
    switch = FakeSwitch(FakeClock())
    switch.mute = True
    found = asked(*CUT, switch=switch, away=True)
    assert found.percent_now is None
    assert found.silence
    assert found.now is not None
    assert len(found.now.silent) == 2


def test_after_the_retirement_no_cluster_is_asked() -> None:
    """Blue may be destroyed."""
    found = asked(*CUT, Retired("archive", 0, ""), away=True)
    assert (found.state.stage, list(found.parts), found.now) == (Stage.RETIRED, [NIGHTLY], None)
