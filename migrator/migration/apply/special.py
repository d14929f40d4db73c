"""What single kinds need besides a create or a replace: finished Jobs, CRDs, accounts of pods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from migrator.errors import ApiError, ConflictError, ForbiddenError, InvalidError
from migrator.model.manifest import Manifest, drop, get, put, without
from migrator.model.plan import PlanItem
from migrator.model.ref import ResourceType
from migrator.ports import Clock, Green
from migrator.rules import field_owners

_ATTEMPTS = 5
_ESTABLISH_SECONDS = 60.0
_POLL = 0.1
_CRD = "CustomResourceDefinition.apiextensions.k8s.io"


def first_body(item: PlanItem, body: Manifest) -> Manifest:
    """Return what is created first: a finished Job suspended, so that it starts no pod; a namespace without its late labels."""
    for name in item.late_labels:
        body = drop(body, "metadata", "labels", name)
    return put(body, ("spec", "suspend"), True) if item.ended else body


def has_ended(manifest: Manifest) -> bool:
    """Return whether a Job's status says that it has ended."""
    conditions = get(manifest, "status", "conditions") or []
    return any(item["type"] in ("Complete", "Failed") and item["status"] == "True" for item in conditions)


def is_finished(item: PlanItem, manifest: Manifest) -> bool:
    """Return whether nothing is left to do for a finished Job: it has ended, and is suspended only where blue's is."""
    return has_ended(manifest) and (_is_suspended(orjson.loads(item.body)) or not _is_suspended(manifest))


def _is_suspended(manifest: Manifest) -> bool:
    return bool(get(manifest, "spec", "suspend"))


def finish_job(item: PlanItem, resource: ResourceType, manifest: Manifest, green: Green) -> Manifest:
    """Write a finished Job's status while it is suspended, then end the suspension: a finished Job starts no pod."""
    namespace, name = item.green.namespace, item.green.name
    status = orjson.loads(item.status)
    for attempt in range(_ATTEMPTS):
        if has_ended(manifest):
            break  # a run that was ended before it could end the suspension has written it
        body = orjson.dumps({**manifest, "status": {**_finished_base(manifest), **status}})
        try:
            manifest = green.replace(resource, namespace, name, body, manager=field_owners.OURS, subresource="status")
            break
        except ConflictError:
            if attempt == _ATTEMPTS - 1:
                raise
            manifest = green.get(resource, namespace, name)
    if not _is_suspended(orjson.loads(item.body)):
        manifest = green.patch(resource, namespace, name, {"spec": {"suspend": False}}, manager=item.manager)
    return manifest


def await_usable(item: PlanItem, resource: ResourceType, green: Green, clock: Clock) -> None:
    """Wait until objects that need this one can be written; only a CRD takes time. Raises InvalidError after 60 s."""
    if item.green.type_name != _CRD:
        return
    deadline = clock.monotonic() + _ESTABLISH_SECONDS
    while True:
        conditions = {part["type"]: part for part in get(green.get(resource, "", item.green.name), "status", "conditions") or []}
        if get(conditions, "Established", "status") == "True":
            return
        if get(conditions, "NamesAccepted", "status") == "False":
            raise InvalidError(f"green did not accept {item.green}: {conditions['NamesAccepted'].get('message')}")
        if clock.monotonic() > deadline:
            raise InvalidError(f"{item.green} is not established on green after {_ESTABLISH_SECONDS:.0f} s")
        clock.sleep(_POLL)


def appears_soon(error: ApiError, resource: ResourceType) -> bool:
    """Return whether this write will succeed soon: green makes a CRD's endpoint or a namespace's account, or counts a quota."""
    if isinstance(error, ConflictError):
        # Several creates in a namespace with a quota: it was changed while this one was counted (kubernetes#67761).
        return error.reason == "Conflict" and "resourcequotas" in error.message
    if isinstance(error, ForbiddenError):
        return resource.kind == "Pod" and "error looking up service account" in error.message
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
