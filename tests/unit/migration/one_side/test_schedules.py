"""What a CronJob has run is told by its status and by its Jobs; where it goes, the time goes first."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from migrator.migration.one_side.act import start, stop
from migrator.migration.one_side.sides import cron_job as part_of
from migrator.model.kinds import CRON_JOBS
from migrator.model.manifest import get
from migrator.model.ref import ObjectRef
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, forbidden, unavailable
from tests.support.objects import cron_job, job

REF = ObjectRef("batch", "CronJob", "default", "tick")
PART = part_of(REF, REF)
AT = "2026-01-02T03:04:00Z"
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
CREATED = 1_800_000_000.0
"""When the fake server makes its objects: 2027-01-15T08:00:00Z."""


def seconds(text: str) -> float:
    """Return a time in seconds since 1970."""
    return datetime.datetime.fromisoformat(text).timestamp()


def cluster_with(last: str | None = None, *jobs: tuple[str, dict[str, str]]) -> FakeCluster:
    """Return a cluster with an active CronJob that ran last at this time, and Jobs of it by name and annotations."""
    cluster = FakeCluster("blue")
    status = {"status": {"lastScheduleTime": last}} if last else {}
    owner = cluster.hold(cron_job("tick") | {"metadata": {"name": "tick", "namespace": "default"}} | status)[0]
    for name, notes in jobs:
        reference = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "tick", "uid": owner["metadata"]["uid"]}
        metadata = {"name": name, "namespace": "default", "annotations": notes, "ownerReferences": [reference]}
        cluster.hold(job(name) | {"metadata": metadata})
    return cluster


def suspended(cluster: FakeCluster, clock: FakeClock | None = None) -> Any:
    """Suspend the CronJob."""
    return stop(cluster, [PART], "blue", clock=clock or FakeClock(), seconds=1.0)


@pytest.mark.parametrize(
    ("status", "name", "annotations", "last"),
    [
        (None, "other", {}, None),
        (AT, "other", {}, seconds(AT)),
        (None, "tick-1", {SCHEDULED: AT}, seconds(AT)),
        (AT, "tick-1", {SCHEDULED: "2026-01-02T03:05:00Z"}, seconds(AT) + 60),
        (AT, "tick-1", {SCHEDULED: "2026-01-02T05:05:00+02:00"}, seconds(AT) + 60),
        ("2026-01-02T03:09:00Z", "tick-1", {SCHEDULED: AT}, seconds(AT) + 300),
        (None, f"tick-{int(seconds(AT) // 60)}", {}, seconds(AT)),
        (AT, "tick-1", {SCHEDULED: "2027-01-15T09:00:00Z", "cronjob.kubernetes.io/instantiate": "manual"}, seconds(AT)),
        (AT, "tick-9999999999", {}, CREATED),
        (AT, "tick-1", {SCHEDULED: "yesterday"}, seconds(AT)),
    ],
    ids=["never", "status", "job", "job is newer", "time zone", "status is newer", "old job", "by hand", "no time", "no text"],
)
def test_the_last_run_is_the_latest_that_is_known(status: str | None, name: str, annotations: Any, last: float | None) -> None:
    """The controller may have made the Job and not yet written the status; a name or a time of a person's is not believed."""
    answers = suspended(cluster_with(status, (name, annotations)))
    assert (answers.done, answers.failed) == ({REF: last}, {})


def test_a_job_of_another_cronjob_says_nothing() -> None:
    """Only an owner's UID connects them."""
    cluster = cluster_with(AT)
    reference = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "tick", "uid": "another"}
    metadata = {
        "name": "x",
        "namespace": "default",
        "annotations": {SCHEDULED: "2026-02-01T00:00:00Z"},
        "ownerReferences": [reference],
    }
    cluster.hold(job("x") | {"metadata": metadata})
    assert suspended(cluster).done == {REF: seconds(AT)}


def test_runs_are_read_once_the_controller_knows_of_the_suspension() -> None:
    """A run that began in the same moment is seen; what was suspended already is not waited for."""
    clock, cluster = FakeClock(), cluster_with(AT)

    def run_begins() -> None:
        late = {"status": {"lastScheduleTime": "2026-01-02T03:05:00Z"}}
        cluster.patch(CRON_JOBS, "default", "tick", late, manager="controller", subresource="status")

    clock.after(1.0, run_begins)
    assert suspended(cluster, clock).done == {REF: seconds(AT) + 60}
    assert suspended(cluster, clock).done == {REF: seconds(AT) + 60}
    assert clock.slept == [1.0]


def test_an_account_that_may_not_list_jobs_uses_the_status() -> None:
    """It tells all but a run of that very moment."""
    cluster = cluster_with(AT, ("tick-1", {SCHEDULED: "2026-01-02T03:05:00Z"}))
    cluster.faults.append(Fault("list", forbidden, kind="Job"))
    assert suspended(cluster).done == {REF: seconds(AT)}


def test_runs_that_cannot_be_read_are_a_failure() -> None:
    """Not the same as none."""
    cluster = cluster_with(AT)
    cluster.faults.append(Fault("list", unavailable, kind="Job"))
    answers = suspended(cluster)
    assert (answers.done, list(answers.failed)) == ({}, [REF])


def test_one_that_is_not_there_has_neither_answer_nor_failure() -> None:
    """It runs no more; nobody knows what it has run."""
    answers = suspended(FakeCluster("green"))
    assert (answers.done, answers.failed) == ({}, {})
    assert start(FakeCluster("green"), [PART], "green", {REF: 1.0}, clock=FakeClock(), seconds=1.0).done == {REF: False}


@pytest.mark.parametrize(
    ("known", "last", "after"), [(None, AT, AT), ("2026-01-01T00:00:00Z", AT, AT), (AT, "2026-01-01T00:00:00Z", AT)]
)
def test_the_time_goes_before_the_suspension_is_lifted(known: str | None, last: str, after: str) -> None:
    """Never backwards; the controller must not see an active CronJob with an older time."""
    cluster = cluster_with(known)
    suspended(cluster)
    cluster.requests.clear()
    start(cluster, [PART], "green", {REF: seconds(last)}, clock=FakeClock(), seconds=1.0)
    manifest = cluster.get(CRON_JOBS, "default", "tick")
    assert (get(manifest, "status", "lastScheduleTime"), manifest["spec"]["suspend"]) == (after, False)
    writes = [line.rpartition("/")[2] for line in cluster.requests if line.startswith("patch")]
    assert writes == (["status", "tick"] if known != after else ["tick"])


def last_schedule(cluster: FakeCluster) -> Any:
    """Return when the CronJob ran last, by its status."""
    return get(cluster.get(CRON_JOBS, "default", "tick"), "status", "lastScheduleTime")


@pytest.mark.parametrize("real", ["2026-01-02T03:05:00Z", None])
@pytest.mark.parametrize("runs_since", [False, True])
def test_a_time_that_was_assumed_is_corrected_unless_it_has_run_since(real: str | None, runs_since: bool) -> None:  # noqa: FBT001
    """What was due while green did not answer, and green has not run, is run once green tells so, also that it never ran."""
    assumed, later = "2026-01-02T03:06:01Z", "2026-01-02T03:07:00Z"
    blue = cluster_with(AT)
    suspended(blue)
    start(blue, [PART], "blue", {REF: seconds(assumed)}, assumed={REF}, clock=FakeClock(), seconds=1.0)
    assert last_schedule(blue) == assumed
    if runs_since:
        ran = {"status": {"lastScheduleTime": later}}
        blue.patch(CRON_JOBS, "default", "tick", ran, manager="controller", subresource="status")
    start(blue, [PART], "blue", {REF: seconds(real) if real else None}, clock=FakeClock(), seconds=1.0)
    assert last_schedule(blue) == (later if runs_since else real)


def test_no_time_is_assumed_for_what_runs_already() -> None:
    """Its controller may be about to start a run that would then be left out."""
    blue = cluster_with(AT)
    start(blue, [PART], "blue", {REF: seconds(AT) + 120}, assumed={REF}, clock=FakeClock(), seconds=1.0)
    assert last_schedule(blue) == AT


def test_a_time_that_a_side_has_told_is_not_taken_back() -> None:
    """The other side's may have been made anew, and know less, or nothing."""
    for last in ("2026-01-02T03:05:00Z", None):
        blue = cluster_with(AT)
        for mark in (seconds("2026-01-02T03:06:00Z"), seconds(last) if last else None):
            start(blue, [PART], "blue", {REF: mark}, clock=FakeClock(), seconds=1.0)
        assert last_schedule(blue) == "2026-01-02T03:06:00Z"
