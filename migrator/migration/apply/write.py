"""Write one object to green: create it, or replace what is there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import orjson

from migrator.errors import ApiError, ConflictError, InvalidError, ThrottledError, UnavailableError
from migrator.migration.apply import special
from migrator.migration.apply.judge import Known, judge, outcome
from migrator.migration.inventory import Live, live_of
from migrator.migration.retained import with_retained
from migrator.migration.state import Attempt
from migrator.model.difference import masked
from migrator.model.manifest import Manifest
from migrator.model.outcome import Action, Outcome
from migrator.model.plan import PlanItem
from migrator.model.ref import ResourceType
from migrator.ports import Clock, Green
from migrator.rules import field_owners
from migrator.rules.ownership import relinked

# Each conflict is somebody's write in between; after so many somebody writes all the time.
_ATTEMPTS = 5
# The answer of a server that has done nothing; one of 500 and above, or none, may follow a write.
_TOO_MANY = 429
# How long green may take to make what an object needs: the account of a new namespace, a definition's endpoint.
_SETTLE_SECONDS = 10.0
_NOT_CONVERTED = "does the conversion webhook of its CRD answer? Then run copy again"
_PASSING = "when green has less to do, run copy again: it goes on with what is missing"
_IMMUTABLE = "is it a field that cannot be changed in place?"
_DELETE = "Delete the object on green, then run copy again"
# What goes with an object that is deleted, by its kind.
_TAKES_ALONG = {
    "CustomResourceDefinition": "all objects of its kind",
    "Namespace": "all that is in it",
    "PersistentVolumeClaim": "its data",
}


@dataclass(slots=True, frozen=True)
class Writer:
    """Writes items to green; safe to call from many threads, for each item once."""

    green: Green
    clock: Clock

    def write(self, item: PlanItem, known: Known) -> Outcome:
        """Write one item and return its outcome; a refusal by the server is an outcome, not an exception."""
        try:
            body = relinked(orjson.loads(item.body), known.required_owner_uid)
            live = known.live.get(item.green)
            return self._replace(item, body, live, known) if live else self._create(item, body, known)
        except ApiError as error:
            return _failed(item, error)

    def set_late_labels(self, item: PlanItem) -> Outcome:
        """Set the labels of a namespace of ours that were held back, and return its outcome."""
        resource, labels = _resource(item), orjson.loads(item.body)["metadata"]["labels"]
        patch = {"metadata": {"labels": {name: labels[name] for name in item.late_labels}}}
        try:
            manifest = self.green.patch(resource, item.green.namespace, item.green.name, patch, manager=item.manager)
            manifest = self._restore_owners(item, resource, manifest)
        except ApiError as error:
            return _failed(item, error, made=True)
        return outcome(item, Action.CREATED, live_of(manifest), made=True)

    def _create(self, item: PlanItem, body: Manifest, known: Known) -> Outcome:
        resource, namespace = _resource(item), item.green.namespace
        first = orjson.dumps(special.first_body(item, body))

        def create() -> Manifest:
            return self.green.create(resource, namespace, first, manager=item.manager, brief=not _has_more(item))

        try:
            manifest = special.patiently(create, resource, self.clock, _SETTLE_SECONDS)
        # Mostly AlreadyExists: the object was there, or an earlier attempt of this request has made it.
        except ConflictError as error:
            found = self.green.get(resource, namespace, item.green.name)
            live = live_of(found)
            if not (error.repeated and known.wrote(item, live, Attempt(known.since, math.inf))):
                # Somebody, or a killed run of ours, was first: judge again what is there now.
                return judge(item, live, known) or self._replace(item, body, live, known)
            manifest = found
        except (UnavailableError, ThrottledError) as error:
            # Green may have created it, and only its answer is lost: the next run must know that it can be ours.
            return _failed(item, error, made=error.status != _TOO_MANY)
        try:
            if _has_more(item):
                manifest = special.finish(item, resource, manifest, self.green, self.clock)
        except InvalidError as error:
            if item.ended:
                return self._taken_back(
                    item, resource, live_of(manifest), f"{item.ended.how}, which green refuses: {error.message}"
                )
            return _failed(item, error, live_of(manifest), made=True)
        except ApiError as error:
            return _failed(item, error, live_of(manifest), made=True)
        try:
            manifest = self._restore_owners(item, resource, manifest)
            return outcome(item, Action.CREATED, live_of(manifest), made=True)
        except ApiError as error:
            return _failed(item, error, live_of(manifest), made=True)

    def _taken_back(self, item: PlanItem, resource: ResourceType, live: Live, end: str) -> Outcome:
        """Delete a run that was created a moment ago and whose end green refuses: held for ever, it would be no copy."""
        self.green.delete(resource, item.green.namespace, item.green.name, uid=live.uid)
        hint = "correct its status on blue, or leave it with move.objects.exclude"
        return Outcome(item.green, Action.BLOCKED, f"has ended on blue: {end} ({hint})")

    def _replace(self, item: PlanItem, body: Manifest, live: Live, known: Known) -> Outcome:
        resource = _resource(item)
        made = known.made(item, live)
        differences = tuple(masked(known.differences(item, live), item.green.kind))
        due = known.finish_is_due(item, live)
        manifest = self._replaced(item, resource, special.first_body(item, body) if due else body, live)
        if due:
            manifest = special.finish(item, resource, manifest, self.green, self.clock)
        manifest = self._restore_owners(item, resource, manifest)
        return outcome(item, Action.CHANGED, live_of(manifest), made=made, differences=differences)

    def _replaced(self, item: PlanItem, resource: ResourceType, body: Manifest, live: Live) -> Manifest:
        """Replace the object, again if somebody changes it meanwhile; raises ConflictError after five attempts."""
        namespace, name = item.green.namespace, item.green.name
        for attempt in range(_ATTEMPTS):
            wanted = with_retained(body, orjson.loads(live.body), item.volatile, live.fields)
            # Without it a PUT overwrites what others have written since it was read, and a custom resource refuses it.
            wanted["metadata"] |= {"resourceVersion": live.resource_version}
            try:
                return self.green.replace(
                    resource, namespace, name, orjson.dumps(wanted), manager=item.manager, brief=not _has_more(item)
                )
            except ConflictError:
                if attempt == _ATTEMPTS - 1:
                    raise
                live = live_of(self.green.get(resource, namespace, name))
            except InvalidError as error:
                error.hint = f"{_IMMUTABLE} {_instead(item)}"
                raise
        raise AssertionError("the loop returns or raises")

    def _restore_owners(self, item: PlanItem, resource: ResourceType, manifest: Manifest) -> Manifest:
        if not item.managed_fields:
            return manifest
        entries = orjson.loads(item.managed_fields)
        # A request of its own: a create makes its own manager the owner of every field that it sends (KEP-555).
        patch = {"metadata": {"managedFields": entries}}
        manifest = self.green.patch(resource, item.green.namespace, item.green.name, patch, manager=field_owners.OURS)
        lost = field_owners.lost(entries, manifest)
        if lost:
            raise InvalidError(
                f"is on green, but who owns its fields is lost: the API server dropped {', '.join(lost)}", hint=_NOT_CONVERTED
            )
        return manifest


def _instead(item: PlanItem) -> str:
    """Return what to do about a field that cannot be changed; nobody is told to delete what takes others along."""
    lost = _TAKES_ALONG.get(item.green.kind)
    return f"Change it on blue to what green has: who deletes it on green deletes {lost}, too" if lost else _DELETE


def _has_more(item: PlanItem) -> bool:
    """Return whether a create does not bring all of it."""
    return item.ended is not None or bool(item.hold)


def _resource(item: PlanItem) -> ResourceType:
    if item.resource is None:
        raise ValueError(f"{item.green} has no type to be written at")
    return item.resource


def _failed(item: PlanItem, error: ApiError, live: Live | None = None, *, made: bool = False) -> Outcome:
    """Return the outcome of a write that failed; `live` is the object if it is known to be on green."""
    hint = error.hint or (_PASSING if isinstance(error, (UnavailableError, ThrottledError)) else "")
    message = error.message + (f" ({hint})" if hint else "")
    uid, token = (live.uid, live.token) if live else ("", "")
    return Outcome(item.green, Action.FAILED, message, (), uid, token, item.token, made)
