"""What single kinds need besides a create or a replace: what is held at first, runs that have ended, accounts of pods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from migrator.errors import ApiError, ConflictError, ForbiddenError, UnavailableError
from migrator.model.manifest import Manifest, drop, get, put, without
from migrator.model.plan import PlanItem
from migrator.model.ref import ResourceType
from migrator.ports import Clock, Green
from migrator.rules import field_owners
from migrator.rules.person import merge_patch

# Each conflict is a controller's write to the status; one that writes more often than that does not come to rest.
_ATTEMPTS = 5
# A controller manager that has just been elected reads all objects before it makes pods.
_START_SECONDS = 30.0
_DEPLOYMENT, _JOB = "Deployment.apps", "Job.batch"
_POLL = 0.1


def first_body(item: PlanItem, body: Manifest) -> Manifest:
    """Return what is created first: what must not begin, or may not be created as it is, is held; some labels come later."""
    for name in item.late_labels:
        body = drop(body, "metadata", "labels", name)
    return dict(merge_patch(body, orjson.loads(item.hold))) if item.hold else body


def held_paths(item: PlanItem) -> dict[tuple[str, ...], Any]:
    """Return the fields that are held at first, each with the value that it is held at; None: it is absent."""
    if not item.hold:
        return {}
    body = orjson.loads(item.body)
    return {path: value for path, value in _leaves(orjson.loads(item.hold)) if get(body, *path) != value}


def is_held(item: PlanItem, manifest: Manifest) -> bool:
    """Return whether an object on green still is as it was created first."""
    paths = held_paths(item)
    return bool(paths) and all(get(manifest, *path) == value for path, value in paths.items())


def is_finished(item: PlanItem, manifest: Manifest) -> bool:
    """Return whether nothing is left to do: a run has ended on green, too, and what was held is let go."""
    return (item.ended is None or item.ended.mark.is_in(manifest)) and not is_held(item, manifest)


def finish(item: PlanItem, resource: ResourceType, manifest: Manifest, green: Green, clock: Clock) -> Manifest:
    """Write the status of a run that has ended while it is held, then let go what was held; return the object.

    Raises UnavailableError when green's controller does not make the pods of what is to be paused.
    """
    if item.ended and not item.ended.mark.is_in(manifest):
        manifest = _with_status(item, resource, manifest, green)
    if is_held(item, manifest):
        if item.green.type_name == _DEPLOYMENT:
            _await_pods(item, resource, green, clock)
        body = orjson.loads(item.body)
        # A merge patch with only these paths: a replace would also write what a controller has set meanwhile.
        patch: Manifest = {}
        for path in held_paths(item):
            patch = put(patch, path, get(body, *path))
        manifest = green.patch(resource, item.green.namespace, item.green.name, patch, manager=item.manager)
    return manifest


def _leaves(patch: Manifest, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in patch.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _with_status(item: PlanItem, resource: ResourceType, manifest: Manifest, green: Green) -> Manifest:
    namespace, name = item.green.namespace, item.green.name
    status = orjson.loads(item.status)
    for attempt in range(_ATTEMPTS):
        base = _finished_base(manifest) if item.green.type_name == _JOB else {}
        body = orjson.dumps({**manifest, "status": {**base, **status}})
        try:
            return green.replace(resource, namespace, name, body, manager=field_owners.OURS, subresource="status")
        except ConflictError:
            if attempt == _ATTEMPTS - 1:
                raise
            manifest = green.get(resource, namespace, name)
    raise AssertionError("the loop returns or raises")


def _await_pods(item: PlanItem, resource: ResourceType, green: Green, clock: Clock) -> None:
    """Wait until green's controller makes the pods of a Deployment that is to be paused: a paused one would get none."""
    deadline = clock.monotonic() + _START_SECONDS
    while True:
        live = green.get(resource, item.green.namespace, item.green.name)
        seen = get(live, "status", "observedGeneration") or 0
        if seen >= live["metadata"].get("generation", 0) and get(live, "status", "replicas"):
            return
        if clock.monotonic() > deadline:
            raise UnavailableError(
                f"is to be paused, and green's controller has made no pods of it for {_START_SECONDS:.0f} s",
                hint="see why, then run copy again",
            )
        clock.sleep(_POLL)


def appears_soon(error: ApiError, resource: ResourceType) -> bool:
    """Return whether this write will succeed soon: green makes a CRD's endpoint or a namespace's account, or counts a quota."""
    if isinstance(error, ConflictError):
        # Several creates in a namespace with a quota: it was changed while this one was counted (kubernetes#67761).
        # AlreadyExists is 409, too, and does not pass.
        return error.reason == "Conflict" and "resourcequotas" in error.message
    if isinstance(error, ForbiddenError):
        return resource.kind == "Pod" and "error looking up service account" in error.message
    # Groups of custom resources have a dot in them; groups without one are built in, and served from the start or not at all.
    return "." in resource.group and "could not find the requested resource" in error.message


def patiently(work: Callable[[], Manifest], resource: ResourceType, clock: Clock, seconds: float) -> Manifest:
    """Return what `work` returns, tried again for some seconds while green is about to create what it needs."""
    deadline = clock.monotonic() + seconds
    while True:
        try:
            return work()
        except ApiError as error:
            if not appears_soon(error, resource) or clock.monotonic() > deadline:
                raise
            clock.sleep(_POLL * 2)


def _finished_base(manifest: Manifest) -> dict[str, Any]:
    """Return the live status without what contradicts a finished Job (batch/v1: validation of a Job's status)."""
    return without(manifest.get("status") or {}, "conditions", "active", "ready", "terminating", "startTime")
