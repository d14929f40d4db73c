"""A cutover in its order, on two clusters in memory; what it leaves undone is taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from migrator.errors import BlockedError, GateFailedError
from migrator.journal.records.migration import (
    CopyEnded,
    CopyStarted,
)
from migrator.journal.records.one_side import HandedBack, HandOverAnnounced
from migrator.journal.records.traffic import (
    CutoverEnded,
    CutoverStarted,
    FenceAnnounced,
    GatePassed,
    ShiftAnnounced,
)
from migrator.migration.copy import CopyOptions
from migrator.migration.fence import Limits
from migrator.migration.one_side.over import hand_over, ready_to_hand_over
from migrator.migration.state import Stage
from migrator.migration.verbs.cutover import run_cutover
from migrator.migration.verbs.plan import run_plan
from migrator.migration.verbs.validate import run_validate
from tests.support.clock import interrupt
from tests.support.fake_cluster.faults import Fault, forbidden, unavailable
from tests.support.objects import config_map, made
from tests.support.recorder import Recorder
from tests.support.verb_stand import NIGHTLY, Stand


def test_a_cutover_copies_once_more_then_turns_cronjobs_then_traffic(stand: Stand) -> None:
    """What changed since the copy is on green before the first request is."""
    stand.ready()
    stand.blue.hold(config_map("late", namespace="shop"))
    result = run_cutover(stand.session, CopyOptions())
    assert result.copied.counts["created"] == 1
    assert result.handed_over == (str(NIGHTLY),)
    assert (stand.switch.percent, stand.cronjob_runs_on) == (100, (False, True))
    order = [type(record) for record in stand.of(CopyEnded, CutoverStarted, HandOverAnnounced, GatePassed, CutoverEnded)]
    assert order[1:] == [CopyEnded, CutoverStarted, HandOverAnnounced, GatePassed, GatePassed, CutoverEnded]
    assert [command[0] for command in stand.runner.ran] == ["before-cutover", "before-copy", "after-copy", "after-cutover"]
    assert (stand.state, stand.journal.synced) == (Stage.ON_GREEN, len(stand.journal.kept) - 1)


def test_a_cutover_tells_which_pods_a_rollback_would_miss(stand: Stand) -> None:
    """An autoscaler of blue takes them away once the traffic is gone; the plan tells it, too."""
    spec = {"minReplicas": 2, "maxReplicas": 9, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    scaler = made(
        "autoscaling/v2", "HorizontalPodAutoscaler", "web", spec=spec, status={"currentReplicas": 7, "desiredReplicas": 7}
    )
    stand.blue.hold({**scaler, "metadata": {"name": "web", "namespace": "shop"}})
    stand.ready()
    told = "HorizontalPodAutoscaler.autoscaling/shop/web may take blue's pods from 7 down to 2"
    assert any(text.startswith(told) for text in run_plan(stand.session)[0].warnings)
    shown = cast("Recorder", stand.session.run.reporter)
    before = len(shown.notes)
    run_cutover(stand.session, CopyOptions())
    assert any(text.startswith(told) for text in shown.notes[before:])


def test_a_cutover_is_refused_before_anything_is_touched(stand: Stand) -> None:
    """Without a verdict; without a load balancer in the file."""
    with pytest.raises(BlockedError, match="no good verdict"):
        run_cutover(stand.session, CopyOptions())
    stand.session.switch = None
    with pytest.raises(BlockedError, match="says nothing about traffic"):
        run_cutover(stand.session, CopyOptions())
    assert stand.journal.records == []
    assert stand.runner.ran == []


def test_a_cutover_whose_last_copy_is_not_complete_does_not_begin(stand: Stand) -> None:
    """An object that green does not take would be missing under traffic."""
    stand.ready()
    stand.blue.hold(config_map("late", namespace="shop"))
    stand.green.faults.append(Fault("create", forbidden, kind="ConfigMap"))
    with pytest.raises(BlockedError, match="the last copy was not complete"):
        run_cutover(stand.session, CopyOptions())
    assert stand.of(CutoverStarted) == []
    assert (stand.switch.shifts, stand.cronjob_runs_on) == ([], (True, False))


@pytest.mark.parametrize(
    ("spoil", "error", "reason"),
    [
        (lambda s: setattr(s.switch, "error_rate", lambda _: 1.0), GateFailedError, "requests on green failed"),
        (lambda s: s.clock.after(5, interrupt), KeyboardInterrupt, "interrupted"),
    ],
    ids=["gate", "^C"],
)
def test_a_cutover_that_fails_is_undone(
    stand: Stand, spoil: Callable[[Stand], None], error: type[BaseException], reason: str
) -> None:
    """Traffic and CronJobs are back on blue, and the journal says why."""
    stand.ready()
    spoil(stand)
    with pytest.raises(error):
        run_cutover(stand.session, CopyOptions())
    assert (stand.switch.percent, stand.cronjob_runs_on) == (0, (True, False))
    ended = stand.journal.records[-1]
    assert isinstance(ended, CutoverEnded)
    assert (ended.good, ended.undone) == (False, ())
    assert reason in ended.reason
    assert HandedBack() in stand.journal.records
    assert stand.state is Stage.ROLLED_BACK
    assert ("after-cutover",) not in stand.runner.ran


def test_what_an_undone_cutover_could_not_take_back_is_recorded(stand: Stand) -> None:
    """Green goes away just when it fails: its CronJob may still run, and blue's runs again."""
    stand.ready()
    stand.switch.error_rate = lambda _: 1.0
    stand.green.faults.append(Fault("patch", unavailable, after=1))
    with pytest.raises(GateFailedError):
        run_cutover(stand.session, CopyOptions())
    ended = stand.journal.records[-1]
    assert isinstance(ended, CutoverEnded)
    assert [text.partition(":")[0] for text in ended.undone] == [f"{NIGHTLY} on green may still run"]
    assert list(stand.session.run.state.handed) == [NIGHTLY]


def test_a_killed_cutover_goes_on_without_another_copy(stand: Stand) -> None:
    """Green has served requests since: blue's state must not overwrite what it has done."""
    stand.ready()
    for record in (CutoverStarted(), FenceAnnounced({NIGHTLY: NIGHTLY}), ShiftAnnounced(50.0)):
        stand.session.run.write(record)
    stand.switch.percent = 50
    copies = len(stand.of(CopyStarted))
    result = run_cutover(stand.session, CopyOptions())
    assert len(stand.of(CopyStarted)) == copies
    assert sum(result.copied.counts.values()) == 0
    assert (stand.switch.percent, stand.cronjob_runs_on) == (100, (False, True))


def test_a_cutover_that_was_killed_after_its_cronjobs_goes_on(stand: Stand) -> None:
    """Its own change of `suspend` on green is no conflict; a CronJob that a person has resumed there still is one."""
    stand.ready()
    plan = stand.session.read_and_plan()[0]
    stand.session.run.write(CutoverStarted())
    due = ready_to_hand_over(plan, stand.blue, stand.green, stand.session.run)
    hand_over(due, stand.blue, stand.green, stand.session.run, Limits())
    assert run_validate(stand.session).good
    assert run_cutover(stand.session, CopyOptions()).copied.complete
    assert (stand.switch.percent, stand.cronjob_runs_on) == (100, (False, True))
