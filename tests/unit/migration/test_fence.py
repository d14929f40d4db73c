"""CronJobs run on one side only, and which side that is can always be taken back."""

from __future__ import annotations

import datetime
import threading
from dataclasses import dataclass

import pytest

from migrator.errors import BlockedError, JournalError, UnavailableError
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.traffic import FenceAnnounced, Fenced
from migrator.migration.fence import Side, fence_blue, hand_back
from migrator.migration.run import Run
from migrator.model.kinds import CRON_JOBS
from migrator.model.manifest import get
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, forbidden, unavailable
from tests.support.journals import MemoryJournal, migration_run
from tests.support.objects import cron_job, made

STAMP = "%Y-%m-%dT%H:%M:%SZ"
NIGHTLY = ObjectRef("batch", "CronJob", "shop", "nightly")
NIGHTLY_GREEN = ObjectRef("batch", "CronJob", "store", "nightly")
PAUSED = ObjectRef("batch", "CronJob", "shop", "paused")


@dataclass(slots=True)
class Pair:
    """Two clusters with the same CronJobs, all of them suspended on green."""

    run: Run
    journal: MemoryJournal[MigrationRecord]
    blue: FakeCluster
    green: FakeCluster
    plan: Plan

    def suspended(self, cluster: FakeCluster, ref: ObjectRef) -> bool:
        """Return whether a CronJob is suspended."""
        return bool(cluster.get(CRON_JOBS, ref.namespace, ref.name)["spec"].get("suspend"))

    def back(self) -> list[str]:
        """Hand the CronJobs back to blue."""
        blue, green = Side(lambda: self.blue, 1.0), Side(lambda: self.green, 1.0)
        return hand_back(self.run.state.fenced, blue, green, self.run.clock)

    @property
    def sides(self) -> tuple[bool, bool]:
        """Whether the nightly job runs on blue, and on green."""
        return not self.suspended(self.blue, NIGHTLY), not self.suspended(self.green, NIGHTLY_GREEN)


@pytest.fixture
def pair() -> Pair:
    """Return a pair whose namespace `shop` is called `store` on green."""
    run, journal, clock, _ = migration_run()
    blue, green = FakeCluster("blue", clock=clock), FakeCluster("green", clock=clock)
    for cluster, namespace in ((blue, "shop"), (green, "store")):
        cluster.hold(made("v1", "Namespace", namespace))
        for name in ("nightly", "paused", "left"):
            suspend = cluster is green or name == "paused"
            cluster.hold(cron_job(name, suspend=suspend) | {"metadata": {"name": name, "namespace": namespace}})
    items = (
        PlanItem(NIGHTLY, NIGHTLY_GREEN, Decision.MOVE),
        PlanItem(PAUSED, PAUSED._replace(namespace="store"), Decision.MOVE),
        PlanItem(NIGHTLY._replace(name="left"), NIGHTLY_GREEN._replace(name="left"), Decision.SKIP),
        PlanItem(NIGHTLY._replace(group="", kind="ConfigMap"), NIGHTLY_GREEN._replace(group="", kind="ConfigMap"), Decision.MOVE),
    )
    return Pair(run, journal, blue, green, Plan(items, (), {}, {}, (), ()))


def test_what_runs_on_blue_is_turned_over_and_nothing_else(pair: Pair) -> None:
    """A CronJob that a person has suspended stays so on both sides; one that is not moved runs on."""
    assert fence_blue(pair.plan, pair.blue, pair.green, pair.run) == {NIGHTLY: NIGHTLY_GREEN}
    assert pair.sides == (False, True)
    assert pair.suspended(pair.green, PAUSED._replace(namespace="store"))
    assert not pair.suspended(pair.blue, NIGHTLY._replace(name="left"))
    assert pair.suspended(pair.green, NIGHTLY_GREEN._replace(name="left"))
    assert pair.journal.records == [FenceAnnounced({NIGHTLY: NIGHTLY_GREEN}), Fenced((NIGHTLY,))]


def test_the_announcement_is_on_disk_before_blue_is_touched(pair: Pair) -> None:
    """After a power cut in between, CronJobs that run nowhere would be nobody's."""
    on_disk: list[int] = []
    pair.blue.faults.append(Fault("patch", lambda: on_disk.append(pair.journal.synced) or unavailable(), times=1, after=1))  # type: ignore[func-returns-value]
    with pytest.raises(UnavailableError):
        fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    assert on_disk == [1]
    assert pair.journal.records == [FenceAnnounced({NIGHTLY: NIGHTLY_GREEN})]


def test_a_cronjob_that_is_gone_from_blue_since_the_plan_ends_nothing(pair: Pair) -> None:
    """A person has deleted it: there is nothing to turn over, and nothing to take back."""
    uid = pair.blue.get(CRON_JOBS, "shop", "nightly")["metadata"]["uid"]
    pair.blue.delete(CRON_JOBS, "shop", "nightly", uid=uid)
    assert fence_blue(pair.plan, pair.blue, pair.green, pair.run) == {}
    assert hand_back({NIGHTLY: NIGHTLY_GREEN}, Side(lambda: pair.blue, 1), Side(lambda: pair.green, 1), pair.run.clock) == []


def test_without_a_way_back_nothing_is_turned_over(pair: Pair) -> None:
    """An account of an older deploy/rbac-blue.yaml could suspend blue's CronJobs, and not tell them what green has run."""
    pair.blue.faults.append(Fault("patch", forbidden, times=1))
    with pytest.raises(BlockedError, match="the way back is not open") as caught:
        fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    assert "rbac-blue.yaml" in caught.value.hint
    assert (pair.sides, pair.journal.records) == ((True, False), [])


def test_a_cronjob_is_suspended_on_one_side_before_it_runs_on_the_other(pair: Pair) -> None:
    """In both directions: it never runs on both."""
    both = pair.blue.requests = pair.green.requests
    fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    pair.back()
    blue, green = "patch CronJob shop/nightly", "patch CronJob store/nightly"
    assert [line for line in both if line in (blue, green)] == [blue, green, green, blue]


def test_without_cronjobs_nothing_is_written(pair: Pair) -> None:
    """Neither into the journal nor to a cluster."""
    pair.blue.patch(CRON_JOBS, "shop", "nightly", {"spec": {"suspend": True}}, manager="kubectl")
    pair.blue.requests.clear()
    assert fence_blue(pair.plan, pair.blue, pair.green, pair.run) == {}
    assert pair.back() == []
    assert pair.journal.records == []
    assert not any(line.startswith("patch") for line in (*pair.blue.requests, *pair.green.requests))


def test_what_cannot_be_announced_is_not_done(pair: Pair) -> None:
    """Otherwise nobody would know what to take back."""
    pair.journal.full = True
    with pytest.raises(JournalError):
        fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    assert pair.sides == (True, False)


def test_a_fence_that_was_cut_off_is_known_and_done_again(pair: Pair) -> None:
    """Announced and half done: it is taken back, or continued, as if it were whole."""
    pair.green.faults.append(Fault("patch", unavailable, times=1))
    with pytest.raises(UnavailableError):
        fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    assert pair.sides == (False, False)
    assert pair.run.state.fenced == {NIGHTLY: NIGHTLY_GREEN}
    assert fence_blue(pair.plan, pair.blue, pair.green, pair.run) == {NIGHTLY: NIGHTLY_GREEN}
    assert pair.sides == (False, True)


def test_what_is_already_on_its_side_gets_no_write(pair: Pair) -> None:
    """Handing back twice is handing back once."""
    fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    assert pair.back() == []
    pair.blue.requests.clear()
    pair.green.requests.clear()
    assert pair.back() == []
    assert not any(line.startswith("patch") for line in (*pair.blue.requests, *pair.green.requests))


@pytest.mark.parametrize(
    ("side", "words", "sides"),
    [
        ("green", "CronJob.batch/store/nightly on green may still run: green did not answer", (True, True)),
        ("blue", "CronJob.batch/shop/nightly on blue is still suspended: blue did not answer", (False, False)),
    ],
)
def test_what_cannot_be_taken_back_is_told(pair: Pair, side: str, words: str, sides: tuple[bool, bool]) -> None:
    """Blue does not wait for green; the next run tries again what is left."""
    fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    cluster = pair.green if side == "green" else pair.blue
    cluster.faults.append(Fault("patch", lambda: UnavailableError(f"{side} did not answer"), times=1))
    assert pair.back() == [words]
    assert pair.sides == sides
    assert pair.back() == []
    assert pair.sides == (True, False)


def ran(cluster: FakeCluster, ref: ObjectRef) -> str | None:
    """Return when the CronJob's status says that it was last due."""
    found: str | None = get(cluster.get(CRON_JOBS, ref.namespace, ref.name), "status", "lastScheduleTime")
    return found


def runs(cluster: FakeCluster, ref: ObjectRef, at: str) -> None:
    """Let a run begin, as the controller does."""
    status = {"status": {"lastScheduleTime": at}}
    cluster.patch(CRON_JOBS, ref.namespace, ref.name, status, manager="controller", subresource="status")


def test_the_time_of_the_last_run_goes_with_a_cronjob_in_both_directions(pair: Pair) -> None:
    """Else the side that resumes runs again what the other one has done."""
    runs(pair.blue, NIGHTLY, "2026-01-02T03:00:00Z")
    fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    assert ran(pair.green, NIGHTLY_GREEN) == "2026-01-02T03:00:00Z"
    runs(pair.green, NIGHTLY_GREEN, "2026-01-03T03:00:00Z")
    assert pair.back() == []
    assert ran(pair.blue, NIGHTLY) == "2026-01-03T03:00:00Z"


def test_a_green_that_does_not_tell_is_taken_to_have_run_until_now(pair: Pair) -> None:
    """A run too few is better than one that was done twice."""
    fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    pair.green.faults.append(Fault("get", unavailable))
    assert len(pair.back()) == 1
    assert ran(pair.blue, NIGHTLY) == datetime.datetime.fromtimestamp(pair.blue.server_time(), datetime.UTC).strftime(STAMP)


def test_a_bug_on_one_side_is_a_sentence_and_shows_no_data(pair: Pair) -> None:
    """Nothing keeps blue from its CronJobs."""
    fence_blue(pair.plan, pair.blue, pair.green, pair.run)

    def broken() -> FakeCluster:
        raise KeyError("secret")

    left = hand_back(pair.run.state.fenced, Side(lambda: pair.blue, 1.0), Side(broken, 1.0), pair.run.clock)
    assert left == ["CronJob.batch/store/nightly on green may still run: a bug: KeyError"]
    assert pair.sides[0]


def test_a_silent_green_does_not_hold_blue_up(pair: Pair) -> None:
    """It is waited for as long as its side says, and no longer; the process does not wait for it at its end."""
    fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    answer = threading.Event()

    def silent() -> FakeCluster:
        answer.wait()
        return pair.green

    left = hand_back(pair.run.state.fenced, Side(lambda: pair.blue, 1.0), Side(silent, 0.0), pair.run.clock)
    answer.set()
    assert left == ["CronJob.batch/store/nightly on green may still run: no answer within 0 s"]
    assert pair.sides[0]
