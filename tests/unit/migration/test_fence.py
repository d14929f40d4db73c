"""CronJobs run on one side only, and which side that is can always be taken back."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from migrator.errors import JournalError, UnavailableError
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.traffic import FenceAnnounced, UnfenceAnnounced, Unfenced
from migrator.migration.fence import fence_blue, unfence
from migrator.migration.run import Run
from migrator.model.kinds import CRON_JOBS
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, unavailable
from tests.support.journals import MemoryJournal, migration_run
from tests.support.objects import cron_job, made

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
    assert pair.journal.records == [FenceAnnounced({NIGHTLY: NIGHTLY_GREEN})]


def test_a_cronjob_is_suspended_on_one_side_before_it_runs_on_the_other(pair: Pair) -> None:
    """In both directions: it never runs on both."""
    both = pair.blue.requests = pair.green.requests
    fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    unfence(pair.blue, pair.green, pair.run)
    blue, green = "patch CronJob shop/nightly", "patch CronJob store/nightly"
    assert [line for line in both if line.startswith("patch")] == [blue, green, green, blue]


def test_without_cronjobs_nothing_is_written(pair: Pair) -> None:
    """Neither into the journal nor to a cluster."""
    pair.blue.patch(CRON_JOBS, "shop", "nightly", {"spec": {"suspend": True}}, manager="kubectl")
    pair.blue.requests.clear()
    assert fence_blue(pair.plan, pair.blue, pair.green, pair.run) == {}
    assert unfence(pair.blue, pair.green, pair.run) == []
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


def test_taken_back_it_is_as_before_and_no_longer_fenced(pair: Pair) -> None:
    """The journal says that it is about to be, and that it is."""
    fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    assert unfence(pair.blue, pair.green, pair.run) == []
    assert pair.sides == (True, False)
    assert pair.run.state.fenced == {}
    assert pair.journal.records[1:] == [UnfenceAnnounced({NIGHTLY: NIGHTLY_GREEN}), Unfenced()]


@pytest.mark.parametrize(
    ("side", "words", "sides"),
    [
        ("green", "CronJob.batch/store/nightly on green may still run: green did not answer", (True, True)),
        ("blue", "CronJob.batch/shop/nightly on blue is still suspended: blue did not answer", (False, False)),
    ],
)
def test_what_cannot_be_taken_back_is_told_and_stays_fenced(pair: Pair, side: str, words: str, sides: tuple[bool, bool]) -> None:
    """Blue does not wait for green; the next run tries again what is left."""
    fence_blue(pair.plan, pair.blue, pair.green, pair.run)
    cluster = pair.green if side == "green" else pair.blue
    cluster.faults.append(Fault("patch", lambda: UnavailableError(f"{side} did not answer"), times=1))
    assert unfence(pair.blue, pair.green, pair.run) == [words]
    assert pair.sides == sides
    assert pair.run.state.fenced == {NIGHTLY: NIGHTLY_GREEN}
    assert Unfenced() not in pair.journal.records
    assert unfence(pair.blue, pair.green, pair.run) == []
    assert pair.sides == (True, False)
