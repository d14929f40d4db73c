"""Where an upgrade stands, from its journal; cut off at any line, it is known what comes next."""

from __future__ import annotations

from migrator.journal.records.upgrade import (
    Cordoned,
    HopEnded,
    HopRollbackEnded,
    HopRollbackStarted,
    RecordedHop,
    StepStarted,
    Uncordoned,
    UpgradeEnded,
    UpgradeRecord,
    UpgradeStarted,
)
from migrator.model.upgrade import Workers
from migrator.model.version import Version
from migrator.upgrade.state import Status, UpgradeState, fold_upgrade
from tests.support.facts import hop
from tests.support.journals import entries

HOPS = (hop("1.35.4", "1.36.3"), hop("1.36.3", "1.37.2"))
STARTED = UpgradeStarted(target=Version(1, 37, 2), workers=Workers.LAST, hops=tuple(map(RecordedHop.of, HOPS)))
BEGAN = 1_800_000_000.0


def step(number: int, action: str, *, changes: bool = False) -> StepStarted:
    """Return the record of a step of a hop."""
    key = HOPS[number].key
    return StepStarted(hop=key, node="cp", role="control-plane", action=action, changes_control_plane=changes)


WHOLE: tuple[UpgradeRecord, ...] = (
    STARTED,
    step(0, "etcd snapshot"),
    step(0, "kubeadm upgrade apply", changes=True),
    Cordoned("cp"),
    Uncordoned("cp"),
    HopEnded(HOPS[0].key),
    step(1, "kubeadm upgrade apply", changes=True),
    HopEnded(HOPS[1].key),
    UpgradeEnded(),
)


def after(*records: UpgradeRecord) -> UpgradeState:
    """Return the state after these records."""
    return fold_upgrade(entries(*records, at=BEGAN))


def test_each_line_moves_it_on() -> None:
    """Which hop is next, which one a rollback takes back, who is cordoned."""
    at = [after(*WHOLE[:count]) for count in range(len(WHOLE) + 1)]
    assert [state.hop for state in at] == [None, *[HOPS[0]] * 5, *[HOPS[1]] * 2, None, None]
    assert [state.last_applied for state in at] == [None] * 3 + [HOPS[0]] * 4 + [HOPS[1]] * 3
    assert [state.cordoned for state in at][4:6] == [{"cp"}, set()]
    assert [state.open for state in at] == [False, *[True] * 8, False]
    assert at[-1].status is Status.DONE


def test_another_upgrade_never_takes_an_old_snapshot_for_its_own() -> None:
    """What is saved carries the time that the upgrade began."""
    again = after(*WHOLE, STARTED)
    assert again.saved_as(HOPS[0]) != after(*WHOLE).saved_as(HOPS[0])
    assert again.last_applied is None


def test_a_rollback_ends_the_upgrade_and_can_be_gone_on_with() -> None:
    """Begun and not ended it is under way; ended, there is nothing more to take back."""
    begun = after(*WHOLE[:7], HopRollbackStarted(HOPS[1].key))
    assert begun.status is Status.ROLLING_BACK
    assert begun.last_applied == HOPS[1]
    ended = after(*WHOLE[:7], HopRollbackStarted(HOPS[1].key), HopRollbackEnded())
    assert ended.status is Status.ROLLED_BACK
    assert ended.last_applied == HOPS[0]
