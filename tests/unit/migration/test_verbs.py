"""Each verb in its order, on two clusters in memory; what a verb leaves undone is taken back."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from migrator.config.load import parse_migration
from migrator.errors import BlockedError, CommandFailedError, GateFailedError
from migrator.journal.records.decisive import Retired
from migrator.journal.records.migration import (
    CopyEnded,
    CopyStarted,
    HookStarted,
    MigrationRecord,
    VerdictGiven,
    WaveAnnounced,
)
from migrator.journal.records.one_side import HandedBack, HandOverAnnounced
from migrator.journal.records.traffic import (
    CutoverEnded,
    CutoverStarted,
    FenceAnnounced,
    GateFailed,
    GatePassed,
    RollbackStarted,
    ShiftAnnounced,
)
from migrator.migration.ages import Moment
from migrator.migration.copy import CopyOptions
from migrator.migration.fence import Limits
from migrator.migration.one_side.over import hand_over, ready_to_hand_over
from migrator.migration.rollback import finish
from migrator.migration.session import Session
from migrator.migration.state import Stage
from migrator.migration.traffic_back import move_traffic
from migrator.migration.verbs import run_copy, run_cutover, run_diff, run_plan, run_retire, run_validate
from migrator.model.kinds import CONFIG_MAPS, CRON_JOBS
from migrator.model.manifest import Manifest
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef
from tests.support.clock import FakeClock, interrupt
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, forbidden, invalid, unavailable
from tests.support.journals import MemoryJournal, migration_run
from tests.support.migrations import migration_session
from tests.support.objects import config_map, cron_job, made
from tests.support.recorder import Recorder
from tests.support.traffic import FakeRunner, FakeSwitch

CONFIG = """
name: shop
blue: {kubeconfig: k}
green: {kubeconfig: k}
traffic: {steps: [50, 100], soak: 10s, haproxy: {socket: /s, backend: b, blue: [blue], green: [green], stateFile: /f}}
gates: {minRequests: 1, readyTimeout: 1s}
retire: {soak: 60s}
probes: [{name: front, tcp: {host: green.example, port: 80}}]
hooks:
  beforeCopy: [[before-copy, secret]]
  afterCopy: [[after-copy]]
  beforeCutover: [[before-cutover]]
  afterCutover: [[after-cutover]]
  afterRollback: [[after-rollback]]
"""
NIGHTLY = ObjectRef("batch", "CronJob", "shop", "nightly")


@dataclass(slots=True)
class Stand:
    """A migration with all that it works on."""

    session: Session
    journal: MemoryJournal[MigrationRecord]
    clock: FakeClock
    blue: FakeCluster
    green: FakeCluster
    switch: FakeSwitch
    runner: FakeRunner

    @property
    def state(self) -> Stage:
        """How far the migration is."""
        return self.session.run.state.stage

    @property
    def cronjob_runs_on(self) -> tuple[bool, bool]:
        """Whether the CronJob runs on blue, and on green."""
        blue, green = (not item.get(CRON_JOBS, "shop", "nightly")["spec"].get("suspend") for item in (self.blue, self.green))
        return blue, green

    def of(self, *kinds: type[MigrationRecord]) -> list[MigrationRecord]:
        """Return the records of these classes."""
        return [record for record in self.journal.records if isinstance(record, kinds)]

    def ready(self) -> None:
        """Copy and validate, so that a cutover may begin."""
        run_copy(self.session, CopyOptions())
        assert run_validate(self.session).good
        self.runner.ran.clear()


@pytest.fixture
def stand() -> Stand:
    """Return a new migration of a namespace with a ConfigMap and a CronJob."""
    run, journal, clock, _ = migration_run()
    blue, green = FakeCluster("blue", clock=clock), FakeCluster("green", clock=clock)
    blue.hold(made("v1", "Namespace", "shop"), config_map("settings", namespace="shop"))
    blue.hold(cron_job("nightly") | {"metadata": {"name": "nightly", "namespace": "shop"}})
    switch, runner = FakeSwitch(clock), FakeRunner()
    session = migration_session(blue, green, run, config=parse_migration(CONFIG, "migration.yaml"), switch=switch, runner=runner)
    return Stand(session, journal, clock, blue, green, switch, runner)


def contents(cluster: FakeCluster) -> list[Manifest]:
    """Return all objects of a cluster."""
    return [manifest for resource in cluster.resources() for manifest in cluster.list(resource)]


def test_plan_and_diff_write_nothing(stand: Stand) -> None:
    """Neither to a cluster nor into the journal."""
    before = [contents(cluster) for cluster in (stand.blue, stand.green)]
    run_plan(stand.session)
    run_diff(stand.session)
    assert stand.journal.records == []
    assert [contents(cluster) for cluster in (stand.blue, stand.green)] == before


def test_a_copy_runs_its_hooks_and_brings_the_objects(stand: Stand) -> None:
    """A hook is recorded by its program: its arguments may be secret."""
    _, result = run_copy(stand.session, CopyOptions())
    assert result.complete
    assert stand.green.get(CRON_JOBS, "shop", "nightly")["spec"]["suspend"] is True
    assert stand.runner.ran == [("before-copy", "secret"), ("after-copy",)]
    assert stand.of(HookStarted) == [HookStarted("beforeCopy", "before-copy"), HookStarted("afterCopy", "after-copy")]
    assert stand.state is Stage.COPIED


def test_a_hook_that_fails_stops_the_verb(stand: Stand) -> None:
    """Nothing was written to green yet."""
    stand.runner.failing = "before-copy"
    with pytest.raises(CommandFailedError):
        run_copy(stand.session, CopyOptions())
    assert stand.of(CopyStarted) == []


def test_an_object_that_somebody_makes_during_a_copy_is_theirs(stand: Stand) -> None:
    """That this run has announced the object makes nothing on green its own: it is neither overwritten nor pruned."""
    theirs = config_map("settings", {"key": "theirs"}, namespace="shop")
    stand.runner.effects["before-copy"] = lambda: stand.green.hold(made("v1", "Namespace", "shop"), theirs)
    _, result = run_copy(stand.session, CopyOptions())
    assert [(outcome.ref.name, outcome.action, outcome.made) for outcome in result.problems] == [
        ("settings", Action.CONFLICT, False)
    ]
    del stand.runner.effects["before-copy"]
    settings = stand.blue.type_of(theirs)
    uid = stand.blue.get(settings, "shop", "settings")["metadata"]["uid"]
    stand.blue.delete(settings, "shop", "settings", uid=uid)
    run_copy(stand.session, CopyOptions(prune=True))
    assert stand.green.get(settings, "shop", "settings")["data"] == {"key": "theirs"}


def test_a_plan_that_is_no_longer_the_plan_is_not_copied(stand: Stand) -> None:
    """What a person approved is what is done, or nothing."""
    _, approved = run_plan(stand.session)
    stand.blue.hold(config_map("more", namespace="shop"))
    with pytest.raises(BlockedError):
        run_copy(stand.session, CopyOptions(), approved)
    assert stand.of(CopyStarted) == []


def test_a_verdict_is_recorded_with_what_a_person_must_know(stand: Stand) -> None:
    """Without the findings that are well."""
    run_copy(stand.session, CopyOptions())
    verdict = run_validate(stand.session)
    (recorded,) = stand.of(VerdictGiven)
    assert recorded == VerdictGiven(good=True, seconds=0.0, findings=())
    assert [finding.subject for finding in verdict.findings] == ["front"]
    assert (stand.state, stand.session.run.state.good_verdict) == (Stage.VALIDATED, Moment(*[stand.clock.now()] * 2))
    stand.blue.hold(config_map("more", namespace="shop"))
    assert not run_validate(stand.session).good
    bad = stand.of(VerdictGiven)[-1]
    assert isinstance(bad, VerdictGiven)
    assert [finding.subject for finding in bad.findings] == ["ConfigMap/shop/more"]


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


def test_a_cronjob_that_was_there_and_back_is_still_ours(stand: Stand) -> None:
    """Blue's was edited after the rollback: the next copy brings that, and calls its own suspension no conflict."""
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    moved = move_traffic("shop", stand.journal.entries(), stand.switch, stand.session.run.reporter, lambda: 0.0)
    assert finish(moved, stand.session.way_back(), run=stand.session.run).undone == ()
    stand.blue.patch(CRON_JOBS, "shop", "nightly", {"spec": {"schedule": "1 1 1 1 *"}}, manager="kubectl")
    assert run_copy(stand.session, CopyOptions())[1].complete
    spec = stand.green.get(CRON_JOBS, "shop", "nightly")["spec"]
    assert (spec["schedule"], spec["suspend"], stand.cronjob_runs_on) == ("1 1 1 1 *", True, (True, False))


def test_a_cronjob_that_somebody_has_resumed_on_green_is_a_conflict(stand: Stand) -> None:
    """It would run on both sides."""
    stand.ready()
    stand.green.patch(CRON_JOBS, "shop", "nightly", {"spec": {"suspend": False}}, manager="kubectl")
    assert not run_validate(stand.session).good
    assert [item.ref for item in run_copy(stand.session, CopyOptions())[1].problems] == [NIGHTLY]


@pytest.mark.parametrize("has", [0, 50])
def test_an_announced_shift_is_looked_up_before_a_copy(stand: Stand, has: float) -> None:
    """The run was killed: what it announced may be so or not."""
    stand.ready()
    for record in (CutoverStarted(), GateFailed("x", 50), ShiftAnnounced(0), CutoverEnded(good=False)):
        stand.session.run.write(record)
    stand.switch.percent = has
    if has:
        with pytest.raises(BlockedError, match="green has 50 % of the traffic"):
            run_copy(stand.session, CopyOptions())
    else:
        assert run_copy(stand.session, CopyOptions())[1].complete


@pytest.mark.parametrize(
    ("records", "command"),
    [((CutoverStarted(),), "migrator cutover"), ((CutoverStarted(), GateFailed("x", 5)), "migrator rollback")],
)
def test_a_copy_after_an_interruption_names_the_command_that_goes_on(
    stand: Stand, records: tuple[MigrationRecord, ...], command: str
) -> None:
    """Nothing is asked of a cluster, and nothing written."""
    stand.ready()
    for record in records:
        stand.session.run.write(record)
    stand.green.requests.clear()
    with pytest.raises(BlockedError) as caught:
        run_copy(stand.session, CopyOptions())
    assert command in caught.value.hint
    assert stand.green.requests == []


@pytest.mark.parametrize("verb", [run_cutover, run_copy])
def test_after_a_way_back_that_did_not_end_only_a_rollback_goes_on(stand: Stand, verb: Callable[..., object]) -> None:
    """The person's last wish was to go back."""
    stand.ready()
    stand.session.run.write(RollbackStarted())
    with pytest.raises(BlockedError, match="way back has not ended") as caught:
        verb(stand.session, CopyOptions())
    assert "migrator rollback" in caught.value.hint


def test_blue_is_retired_after_its_time_with_an_archive(stand: Stand, tmp_path: Path) -> None:
    """And not before; what was archived is counted in the journal."""
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    path = tmp_path / "archive.gz"
    with pytest.raises(BlockedError, match=r"retire\.soak"):
        run_retire(stand.session, path)
    assert not path.exists()
    stand.clock.pass_time(60)
    done = run_retire(stand.session, path)
    assert done.archived.objects == len(gzip.decompress(path.read_bytes()).splitlines())
    assert stand.journal.records[-1] == Retired(str(path), done.archived.objects, done.archived.sha256)
    assert "Event" in done.left_out
    assert stand.state is Stage.RETIRED


def test_blue_is_not_retired_beside_another_run(stand: Stand, tmp_path: Path) -> None:
    """Somebody else's cutover or rollback may be moving traffic to blue."""
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    stand.clock.pass_time(60)
    with (
        stand.green.lock("anna@a/1", stand.session.run.reporter),
        pytest.raises(BlockedError, match="green is locked by anna@a/1"),
    ):
        run_retire(stand.session, tmp_path / "archive.gz")
    assert stand.state is Stage.ON_GREEN
    assert list(tmp_path.glob("archive*")) == []


def test_a_copy_blocks_what_green_refuses_before_anything_is_written(stand: Stand) -> None:
    """It is told with green's words, and no attempt to write it is announced; what else there is moves."""
    stand.green.faults.append(Fault("create", invalid, kind="CronJob"))
    _, result = run_copy(stand.session, CopyOptions())
    assert [(item.blue, item.reason) for item in result.blocked] == [(NIGHTLY, "green answered 422: is invalid")]
    assert not result.complete
    assert NIGHTLY not in [ref for record in stand.journal.records if isinstance(record, WaveAnnounced) for ref in record.create]
    assert stand.green.get(CONFIG_MAPS, "shop", "settings")


def test_a_copy_without_anything_new_asks_green_nothing_by_dry_run(stand: Stand) -> None:
    """Only a create is tried, so that copying again stays cheap."""
    run_copy(stand.session, CopyOptions())
    before = len(stand.green.requests)
    run_copy(stand.session, CopyOptions())
    assert not [request for request in stand.green.requests[before:] if request.startswith("create")]
