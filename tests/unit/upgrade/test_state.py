"""Where an upgrade stands, from its journal; cut off at any line, it is known what comes next."""

from __future__ import annotations

from dataclasses import replace

from migrator.journal.records.upgrade import (
    Cordoned,
    FinishStarted,
    HopEnded,
    HopRollbackEnded,
    HopRollbackStarted,
    RecordedHop,
    StepEnded,
    StepStarted,
    Uncordoned,
    UpgradeAborted,
    UpgradeEnded,
    UpgradeRecord,
    UpgradeStarted,
    WindowOpened,
)
from migrator.model.upgrade import Soak, StepId, StepTime, Workers
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


def test_between_emulating_and_raising_a_rollback_loses_nothing() -> None:
    """From the first control plane that is changed until one is raised, or its snapshot is wanted; gone back, it is closed."""
    two = replace(HOPS[0], emulated="1.35")
    begun = replace(STARTED, hops=(RecordedHop.of(two),), soak=60.0)
    first = step(0, "kubeadm upgrade apply, emulating 1.35", changes=True)
    ways = (
        (begun,),
        (begun, first),
        (begun, first, WindowOpened(two.key)),
        (begun, first, WindowOpened(two.key), FinishStarted(two.key)),
        (begun, first, WindowOpened(two.key), HopRollbackStarted(two.key)),
        (begun, first, WindowOpened(two.key), HopRollbackStarted(two.key, from_snapshot=True)),
        (begun, first, WindowOpened(two.key), HopRollbackStarted(two.key), HopRollbackEnded()),
    )
    assert [after(*records).window for records in ways] == [None, two, two, None, two, None, None]
    assert after(*ways[2]).opened == {two.key: BEGAN + 2}  # each line is a second later
    assert after(*ways[2]).soak == Soak(60.0)
    assert after(begun, step(0, "kubeadm upgrade apply", changes=True)).hops == (two,)


def test_a_hop_in_one_step_has_no_such_time() -> None:
    """As those of earlier journals, which know no emulated version."""
    assert after(*WHOLE[:3]).window is None


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


def test_a_rollback_ends_the_upgrade_and_can_be_continued() -> None:
    """Begun and not ended it is under way; ended, there is nothing more to take back."""
    begun = after(*WHOLE[:7], HopRollbackStarted(HOPS[1].key))
    assert begun.status is Status.ROLLING_BACK
    assert begun.last_applied == HOPS[1]
    ended = after(*WHOLE[:7], HopRollbackStarted(HOPS[1].key), HopRollbackEnded())
    assert ended.status is Status.ROLLED_BACK
    assert ended.last_applied == HOPS[0]


def test_what_hosts_keep_is_named_after_the_hop_and_the_time_that_the_upgrade_began() -> None:
    """The time of the record, in UTC, whatever the machine's own zone."""
    assert after(STARTED).saved_as(HOPS[0]) == "1.35.4-to-1.36.3-20270115-080000"


def test_how_long_steps_took_is_kept_over_upgrades() -> None:
    """Estimates are made from all of them; a step without an end has no time."""
    ended = StepEnded(hop=HOPS[0].key, node="cp", role="control-plane", action="etcd snapshot", seconds=4.5)
    state = after(STARTED, step(0, "etcd snapshot"), ended, UpgradeAborted(), STARTED, step(0, "etcd snapshot"))
    assert state.times == (StepTime("control-plane", StepId.SNAPSHOT, 4.5),)
    assert state.last_step == "cp: etcd snapshot"


def test_a_cordon_outlives_the_upgrade_that_made_it() -> None:
    """A run that ended without letting the node back in: the next one still knows that it was no person."""
    state = after(STARTED, Cordoned("w1"), UpgradeAborted(), STARTED)
    assert state.cordoned == {"w1"}
    assert (state.status, state.target, state.workers) == (Status.RUNNING, Version(1, 37, 2), Workers.LAST)


def test_a_step_that_leaves_the_control_plane_alone_is_nothing_to_take_back() -> None:
    """A rollback has something to do only once a hop has begun to change it."""
    assert after(STARTED, step(0, "etcd snapshot")).last_applied is None
    assert after(STARTED, step(0, "kubeadm upgrade apply", changes=True)).last_applied == HOPS[0]
