"""Jobs and CronJobs never run twice."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.rules import jobs
from tests.support.contexts import PLAIN
from tests.support.objects import job


def test_job_identity() -> None:
    """Controller labels and selector carry blue's UID and go; a manual selector stays."""
    manifest = job("j")
    manifest["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    manifest["spec"]["template"]["metadata"]["labels"] |= {"controller-uid": "u", "job-name": "j"}
    done = jobs.drop_controller_identity(manifest, PLAIN)
    assert "selector" not in done["spec"]
    assert done["spec"]["template"]["metadata"]["labels"] == {"app": "j"}
    manual = {**manifest, "spec": {**manifest["spec"], "manualSelector": True}}
    assert jobs.drop_controller_identity(manual, PLAIN) is manual


@pytest.mark.parametrize(("active", "running"), [(0, False), (None, False), (1, True)])
def test_a_job_with_no_parallelism_starts_nothing(active: int | None, *, running: bool) -> None:
    """Once its last pod is gone."""
    manifest = job("j")
    manifest["spec"]["parallelism"] = 0
    manifest["status"] = {} if active is None else {"active": active}
    assert jobs.is_running(manifest) is running


@pytest.mark.parametrize(("labels", "running"), [({}, False), ({"kueue.x-k8s.io/queue-name": "team"}, True)])
def test_a_suspended_job_that_waits_in_a_queue_is_let_go(labels: dict[str, str], *, running: bool) -> None:
    """Each cluster's Kueue would let it go when its turn comes."""
    manifest = job("j")
    manifest["metadata"]["labels"] = labels
    manifest["spec"]["suspend"] = True
    assert jobs.is_running(manifest) is running
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    assert not jobs.is_running({**manifest, "status": complete})


AT = "2023-02-01T03:01:00Z"
BEGAN = "2023-02-01T03:00:00Z"


def ended_job(kind: str, *others: str, spec: dict[str, Any] | None = None, **status: Any) -> Manifest:
    """Return a Job that ended by this condition."""
    conditions = [{"type": name, "status": "True", "lastTransitionTime": AT} for name in (*others, kind)]
    manifest = job("j")
    manifest["metadata"]["creationTimestamp"] = BEGAN
    manifest["spec"] |= spec or {}
    return {**manifest, "status": {"conditions": conditions, **status}}


def status_of(manifest: Manifest) -> Manifest:
    """Return the status that is moved."""
    ended = jobs.finished(manifest)
    assert ended is not None
    return jobs.finished_status(manifest, ended)


@pytest.mark.parametrize(
    ("manifest", "types"),
    [
        (ended_job("Complete", startTime=BEGAN, completionTime=AT), ["SuccessCriteriaMet", "Complete"]),
        (ended_job("Failed", startTime=BEGAN), ["FailureTarget", "Failed"]),
        (ended_job("Complete", "SuccessCriteriaMet"), ["SuccessCriteriaMet", "Complete"]),
        (ended_job("Failed", "FailureTarget", "Suspended"), ["Suspended", "FailureTarget", "Failed"]),
        (ended_job("Failed", "SuccessCriteriaMet"), ["FailureTarget", "Failed"]),
    ],
)
def test_an_end_of_an_older_server_is_told_as_today(manifest: Manifest, types: list[str]) -> None:
    """Since 1.31 another condition comes before the last one, and none of the other end."""
    assert [item["type"] for item in status_of(manifest)["conditions"]] == types


def test_times_that_older_servers_left_out_are_filled_in() -> None:
    """When it ended is when its last condition came; a failed Job has no time of completion."""
    assert (status_of(ended_job("Complete"))["startTime"], status_of(ended_job("Complete"))["completionTime"]) == (BEGAN, AT)
    failed = status_of(ended_job("Failed", startTime=AT, completionTime=AT, failed=2, active=1))
    assert (failed["startTime"], failed.get("completionTime"), failed["failed"], failed.get("active")) == (AT, None, 2, None)
    late = "2023-02-02T00:00:00Z"
    assert status_of(ended_job("Complete", startTime=late, completionTime=AT))["completionTime"] == late


def test_indexes_go_where_a_job_has_none() -> None:
    """Validation refuses them for a Job that does not count by them."""
    indexes: dict[str, Any] = {"completedIndexes": "0-2", "failedIndexes": "3"}
    assert indexes.keys().isdisjoint(status_of(ended_job("Failed", **indexes)))
    both = {"completionMode": "Indexed", "backoffLimitPerIndex": 1}
    assert indexes.items() <= status_of(ended_job("Failed", spec=both, **indexes)).items()
