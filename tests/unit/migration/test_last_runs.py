"""A copy tells green's CronJobs what blue has run: who resumes one by hand then repeats nothing."""

from __future__ import annotations

from migrator.model.kinds import CRON_JOBS
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.objects import cron_job, made
from tests.support.pairs import Pair, in_green, in_shop, pair, writes

REF = ObjectRef("batch", "CronJob", "shop", "nightly")
FIRST, LATER = "2026-01-02T03:04:00Z", "2026-01-03T03:04:00Z"


def ran(at: str | None) -> Manifest:
    """Return a CronJob that ran last at this time."""
    return in_shop(cron_job("nightly")) | ({"status": {"lastScheduleTime": at}} if at else {})


def known(both: Pair) -> object:
    """Return the last run that green knows of."""
    return get(in_green(both.green, REF), "status", "lastScheduleTime")


def blue_runs(both: Pair, at: str) -> None:
    """Let blue run it."""
    both.blue.patch(CRON_JOBS, "shop", "nightly", {"status": {"lastScheduleTime": at}}, manager="controller", subresource="status")


def test_the_last_run_is_known_after_a_copy_and_follows_blue() -> None:
    """Also where nothing else of it has changed; one that has not run is left alone."""
    both = pair(ran(FIRST), in_shop(cron_job("never")))
    both.copy()
    assert known(both) == FIRST
    assert get(in_green(both.green, REF._replace(name="never")), "status", "lastScheduleTime") is None
    blue_runs(both, LATER)
    again = both.next_run()
    result = again.copy()
    assert (known(again), dict(result.counts)) == (LATER, {"unchanged": 3})


def test_a_third_copy_tells_nothing() -> None:
    """What green knows is not written again."""
    both = pair(ran(FIRST))
    both.copy()
    again = both.next_run()
    again.green.requests.clear()
    again.copy()
    assert writes(again.green) == []


def test_a_later_run_of_green_stays() -> None:
    """After a way back green may have run it later than blue."""
    both = pair(ran(FIRST))
    both.copy()
    both.green.patch(CRON_JOBS, "shop", "nightly", {"status": {"lastScheduleTime": LATER}}, manager="c", subresource="status")
    again = both.next_run()
    again.copy()
    assert known(again) == LATER


def test_somebody_elses_cron_job_is_left_alone() -> None:
    """One that was on green before is a conflict, and nothing of it is written."""
    both = pair(ran(FIRST))
    both.green.hold(made("v1", "Namespace", "shop"), in_shop(cron_job("nightly", suspend=True)))
    both.copy()
    assert known(both) is None


def test_what_cannot_be_told_is_a_warning() -> None:
    """The copy goes on: cutover tells it once more."""
    both = pair(ran(FIRST))
    both.green.faults.append(Fault("patch", forbidden, CRON_JOBS.kind))
    result = both.copy()
    assert result.complete
    assert any("may repeat that run" in note for note in both.recorder.notes)
