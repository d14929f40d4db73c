"""What green would look like, field by field, told by green itself: server-side dry runs, nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import orjson

from migrator.errors import ApiError, ConflictError, NotFoundError, ThrottledError, UnavailableError
from migrator.migration.apply import special
from migrator.migration.inventory import Live, live_of
from migrator.migration.refusals import STAND_IN, trial_of
from migrator.migration.retained import with_retained
from migrator.model.difference import FieldDifference, all_differences, masked
from migrator.model.events import Progress, Step
from migrator.model.manifest import Manifest, put, without
from migrator.model.plan import Plan, PlanItem
from migrator.model.ref import ObjectRef
from migrator.model.strange import STRANGE, reason_of
from migrator.ports import Green, Reporter
from migrator.rules import field_owners
from migrator.rules.server_fields import CONTROLLER_ANNOTATIONS

# A dry run meets the same conflicts as a write.
_ATTEMPTS = 5
_SERVER_OWNED = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")


@dataclass(slots=True, frozen=True)
class ObjectDiff:
    """One object as it is on green and as it would be."""

    ref: ObjectRef
    action: str
    """create, change, unchanged, refused or unproven."""
    differences: tuple[FieldDifference, ...] = ()
    message: str = ""


def diff(plan: Plan, green: Green, live: Mapping[ObjectRef, Live], reporter: Reporter) -> list[ObjectDiff]:
    """Return one entry per object that the plan moves, in the plan's order."""
    items = [item for wave in plan.waves for item in wave]
    reporter.emit(Step(f"dry run of {len(items)} objects on green"))
    entries: list[ObjectDiff] = []
    with ThreadPoolExecutor(green.workers) as pool:
        for entry in pool.map(lambda item: _entry(item, green, live), items):
            entries.append(entry)
            reporter.emit(Progress("dry run", len(entries), len(items)))
    return entries


def _entry(item: PlanItem, green: Green, live: Mapping[ObjectRef, Live]) -> ObjectDiff:
    try:
        return _one(item, green, live)
    except STRANGE as error:
        return ObjectDiff(item.green, "unproven", message=reason_of(error))


def _one(item: PlanItem, green: Green, live: Mapping[ObjectRef, Live]) -> ObjectDiff:
    body = orjson.loads(item.body)
    have = live.get(item.green)
    try:
        if have is None:
            return _created(item, special.first_body(item, body), green, live)
        differences = _changes(item, body, have, green)
    except (UnavailableError, ThrottledError, ConflictError) as error:
        # Nobody has refused it: green, or a webhook of it, gave no answer, or a controller writes to it all the time.
        return ObjectDiff(item.green, "unproven", message=error.message)
    except ApiError as error:
        return ObjectDiff(item.green, "refused", message=error.message)
    return ObjectDiff(item.green, "change" if differences else "unchanged", tuple(masked(differences, item.green.kind)))


def _changes(item: PlanItem, body: Manifest, have: Live, green: Green) -> list[FieldDifference]:
    """Return what a replace would change; asked again if a controller has written to the object since it was read."""
    attempts = range(_ATTEMPTS)
    for attempt in attempts:
        current = orjson.loads(have.body)
        wanted = with_retained(body, current, item.volatile, have.fields)
        wanted["metadata"] |= {"resourceVersion": have.resource_version}
        owners = current["metadata"].get("ownerReferences")
        if owners and body["metadata"].get("ownerReferences"):
            wanted["metadata"]["ownerReferences"] = owners
        try:
            return all_differences(_comparable(current), _comparable(_replace(item, green, wanted, item.manager)))
        except ConflictError:
            if item.resource is None or attempt == attempts[-1]:
                raise
            have = live_of(green.get(item.resource, item.green.namespace, item.green.name))
    raise AssertionError("the loop returns or raises")


def _created(item: PlanItem, body: Manifest, green: Green, live: Mapping[ObjectRef, Live]) -> ObjectDiff:
    if item.resource is None:
        return ObjectDiff(item.green, "unproven", message="has no type on green")
    namespace, body = trial_of(item, body, live)
    away = namespace != item.green.namespace
    try:
        after = green.create(item.resource, namespace, orjson.dumps(body), manager=field_owners.OURS, dry_run=True)
    except NotFoundError:
        return ObjectDiff(item.green, "unproven", message="its CRD is not on green yet: a dry run is possible after the first copy")
    after = put(after, ("metadata", "namespace"), item.green.namespace) if away else after
    fields = tuple(masked(all_differences({}, _comparable(after)), item.green.kind))
    return ObjectDiff(item.green, "create", fields, f"proven in namespace {STAND_IN}" if away else "")


def _replace(item: PlanItem, green: Green, wanted: Manifest, manager: str) -> Manifest:
    if item.resource is None:
        raise NotFoundError("has no type on green")
    return green.replace(item.resource, item.green.namespace, item.green.name, orjson.dumps(wanted), manager=manager, dry_run=True)


def _comparable(manifest: Manifest) -> Manifest:
    metadata = without(manifest["metadata"], *_SERVER_OWNED)
    annotations = {
        key: value for key, value in (metadata.get("annotations") or {}).items() if not key.startswith(CONTROLLER_ANNOTATIONS)
    }
    metadata = without(metadata, "annotations") | ({"annotations": annotations} if annotations else {})
    return {**without(manifest, "status"), "metadata": metadata}
