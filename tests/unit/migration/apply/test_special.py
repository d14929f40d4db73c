"""A finished Job starts no pod, a CRD is waited for, and what green makes itself is shared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import orjson
import pytest

from migrator.errors import ApiError, ConflictError, ForbiddenError, InvalidError, NotFoundError
from migrator.migration.apply import special
from migrator.model.manifest import Manifest
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef, ResourceType
from migrator.rules import jobs
from tests.support.clock import FakeClock
from tests.support.fake_cluster.faults import Fault, conflict, forbidden
from tests.support.objects import job, made, resource
from tests.support.pairs import Pair, finished_job, in_green, pair, writes

DONE = ObjectRef("batch", "Job", "shop", "done")
WIDGETS = ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.example.com")
JOBS = resource("batch", "v1", "Job")
ENDED = [{"type": "Complete", "status": "True"}]


@pytest.fixture
def both() -> Pair:
    """Return a pair whose finished Job is on green, suspended and without a status."""
    found = pair(finished_job("done"))
    found.green.hold(made("v1", "Namespace", "shop"))
    item = found.item(DONE)
    created = special.first_body(item, orjson.loads(item.body))
    found.green.create(JOBS, "shop", orjson.dumps(created), manager="migrator")
    return found


def has_ended(manifest: Manifest) -> bool:
    """Return whether a Job's status says that it has ended."""
    return jobs.finished(manifest) is not None


def finish(both: Pair, item: PlanItem | None = None) -> Manifest:
    """Finish the Job as it is on green."""
    return special.finish(item or both.item(DONE), JOBS, in_green(both.green, DONE), both.green, both.clock)


def test_a_finished_job_is_created_suspended(both: Pair) -> None:
    """Green's controller would start its pods again; what is to run runs at once."""
    assert in_green(both.green, DONE)["spec"]["suspend"] is True
    item = dataclasses.replace(both.item(DONE), hold=b"")
    assert special.first_body(item, job("a")) == job("a")


def test_its_status_is_written_before_its_suspension_ends(both: Pair) -> None:
    """In the other order a pod starts."""
    both.green.requests.clear()
    after = finish(both)
    assert [request.split()[0] for request in writes(both.green)] == ["replace", "patch"]
    assert (has_ended(after), after["spec"].get("suspend"), after["status"]["succeeded"]) == (True, None, 1)


def test_a_job_that_is_suspended_on_blue_stays_so(both: Pair) -> None:
    """Its suspension is the person's."""
    item = both.item(DONE)
    body = orjson.loads(item.body)
    suspended = dataclasses.replace(item, body=orjson.dumps({**body, "spec": {**body["spec"], "suspend": True}}))
    after = finish(both, suspended)
    assert (has_ended(after), after["spec"]["suspend"]) == (True, True)
    assert special.is_finished(suspended, after)
    assert not special.is_finished(item, after)


def test_a_run_that_was_ended_half_way_is_continued(both: Pair) -> None:
    """The status is there, the suspension is lifted now."""
    both.green.faults.append(Fault("patch", forbidden, times=1))
    with pytest.raises(ForbiddenError):
        finish(both)
    both.green.requests.clear()
    assert "suspend" not in finish(both)["spec"]
    assert [request.split()[0] for request in writes(both.green)] == ["patch"]


def test_a_controller_s_write_in_between_is_met_again(both: Pair) -> None:
    """The status is put on what is there now; a controller that never stops is an error."""
    both.green.faults.append(Fault("replace", conflict, times=4))
    assert has_ended(finish(both))
    other = pair(finished_job("done"))
    other.green.hold(made("v1", "Namespace", "shop"), {**finished_job("done"), "status": {}})
    other.green.faults.append(Fault("replace", conflict))
    with pytest.raises(ConflictError):
        finish(other)


def test_what_contradicts_the_end_of_a_job_is_not_kept(both: Pair) -> None:
    """The server refuses a finished Job with active pods (batch/v1)."""
    live = in_green(both.green, DONE)
    live["status"] = {"active": 1, "ready": 1, "startTime": "x", "uncountedTerminatedPods": {}}
    both.green.replace(JOBS, "shop", "done", orjson.dumps(live), manager="job-controller", subresource="status")
    status = finish(both)["status"]
    assert {"active", "ready"}.isdisjoint(status)
    assert (status["uncountedTerminatedPods"], status["startTime"]) == ({}, "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("conditions", "ended"),
    [
        ([], False),
        (ENDED, True),
        ([{"type": "Failed", "status": "True"}], True),
        ([{"type": "Suspended", "status": "True"}], False),
    ],
)
def test_a_job_has_ended_when_its_status_says_so(conditions: list[Manifest], *, ended: bool) -> None:
    """Both ways to end; any other condition is none."""
    assert has_ended({**job("a"), "status": {"conditions": conditions}}) is ended
    assert not has_ended({**job("a"), "status": {"conditions": [{"type": "Complete", "status": "False"}]}})


LOOKING_UP = ForbiddenError("green answered 403: error looking up service account shop/default: not found", status=403)
NO_ENDPOINT = NotFoundError("green answered 404: the server could not find the requested resource", status=404)


@pytest.mark.parametrize(
    ("error", "type_", "soon"),
    [
        (LOOKING_UP, resource("", "v1", "Pod"), True),
        (LOOKING_UP, resource("apps", "v1", "Deployment"), False),
        (ForbiddenError("green answered 403: no", status=403), resource("", "v1", "Pod"), False),
        (NO_ENDPOINT, resource("example.com", "v1", "Widget"), True),
        (NO_ENDPOINT, resource("apps", "v1", "Deployment"), False),
        (InvalidError("green answered 422: no", status=422), resource("example.com", "v1", "Widget"), False),
    ],
)
def test_only_what_green_is_about_to_make_is_waited_for(error: ApiError, type_: ResourceType, *, soon: bool) -> None:
    """An account of pods, and a CRD's endpoint."""
    assert special.appears_soon(error, type_) is soon


def failing(times: int, error: ApiError) -> Callable[[], Manifest]:
    """Return a request that fails some times first."""
    left = iter([error] * times)

    def work() -> Manifest:
        found = next(left, None)
        if found:
            raise found
        return {"made": True}

    return work


def test_a_request_is_tried_again_until_time_is_up() -> None:
    """The last refusal is told."""
    clock, pods = FakeClock(), resource("", "v1", "Pod")
    assert special.patiently(failing(5, LOOKING_UP), pods, clock, 10.0) == {"made": True}
    with pytest.raises(ForbiddenError, match="looking up"):
        special.patiently(failing(1000, LOOKING_UP), pods, clock, 10.0)
    assert clock.monotonic() < 12


def test_another_refusal_is_told_at_once() -> None:
    """Waiting would not help."""
    clock = FakeClock()
    with pytest.raises(InvalidError):
        special.patiently(failing(1, InvalidError("no", status=422)), JOBS, clock, 10.0)
    assert clock.slept == []
