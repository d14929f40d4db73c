"""Bring one object to green: create it, change it, or say why not. One call site per kind of write."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from migrator.errors import ApiError, ConflictError, ForbiddenError, InvalidError, NotFoundError
from migrator.migration.discover import Live, live_of
from migrator.migration.parity import differences, relinked
from migrator.migration.retained import with_retained
from migrator.migration.state import State, Written
from migrator.model.difference import FieldDifference, masked
from migrator.model.manifest import Manifest, get, put, without
from migrator.model.outcome import Action, Outcome
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef, ResourceType
from migrator.ports import Green
from migrator.rules import field_owners

_ATTEMPTS = 5
_CRD = "CustomResourceDefinition.apiextensions.k8s.io"
_ESTABLISH_SECONDS = 60.0
_SETTLE_SECONDS = 10.0
_DEFAULT_ACCOUNT = ("ServiceAccount", "default")


@dataclass(slots=True)
class Applier:
    """Writes items to green; safe to call from many threads, for each item once."""

    green: Green
    state: State
    live: dict[ObjectRef, Live]
    refs: dict[str, ObjectRef]
    """Blue UID to the object's name on green, to relink owners."""
    force: bool = False
    sleep: Callable[[float], None] = time.sleep
    uids: dict[ObjectRef, str] = field(default_factory=dict)
    """Green UIDs of what was written in this run."""

    def judge(self, item: PlanItem) -> Outcome | None:
        """Return the outcome when nothing is to be written, None when something is; asks no server."""
        live = self.live.get(item.green)
        if live is None:
            return None
        self.uids[item.green] = live.uid
        written = self.state.written.get(item.green)
        made = self._made(item, live, written)
        if self._finish_is_due(item, live):
            return None
        if written and (written.uid, written.green_token, written.blue_token) == (live.uid, live.token, item.token):
            return self._outcome(item, Action.UNCHANGED, live, made=made)  # nobody wrote to either side since
        found = self._differences(item, live)
        blue_changed = written is not None and written.blue_token not in ("", item.token)
        if not found and not blue_changed:
            return self._outcome(item, Action.UNCHANGED, live, made=made)
        if self.force or self._may_replace(item, live, written, made=made, blue_changed=blue_changed):
            return None
        whose = "was changed on green since it was copied" if made else "exists on green and was not made by this migration"
        message = f"{whose}; left alone (--force-conflicts takes blue's values)"
        shown = tuple(masked(found, item.green.kind))
        return Outcome(
            item.green,
            Action.CONFLICT,
            message,
            shown,
            live.uid,
            written.green_token if written else "",
            written.blue_token if written else "",
            made,
        )

    def write(self, item: PlanItem) -> Outcome:
        """Write one item and return what came of it; a refusal by the server is an outcome, not an exception."""
        try:
            body = relinked(orjson.loads(item.body), self._green_uid)
            if item.green in self.live:
                return self._replace(item, body, self.live[item.green])
            return self._create(item, body)
        except ApiError as error:
            return Outcome(
                item.green,
                Action.FAILED,
                error.message + (f" ({error.hint})" if error.hint else ""),
                blue_token=item.token,
            )

    def _create(self, item: PlanItem, body: Manifest) -> Outcome:
        resource = _resource(item)
        first = put(body, ("spec", "suspend"), True) if item.status else body
        try:
            manifest = self._patient_create(resource, item, orjson.dumps(first), item.manager)
        except ConflictError:
            # Somebody, or a killed run of ours, was there first: judge again with what is there now.
            live = live_of(self.green.get(resource, item.green.namespace, item.green.name))
            self.live[item.green] = live
            return self.judge(item) or self._replace(item, body, live)
        if item.managed_fields:
            manifest = self._restore_owners(item, resource)
        if item.status:
            manifest = self._finish(item, resource, manifest)
        if item.green.type_name == _CRD:
            self._await_established(resource, item.green)
        self.uids[item.green] = manifest["metadata"]["uid"]
        return self._outcome(item, Action.CREATED, live_of(manifest), made=True)

    def _replace(self, item: PlanItem, body: Manifest, live: Live) -> Outcome:
        resource = _resource(item)
        written = self.state.written.get(item.green)
        made = self._made(item, live, written)
        differences = tuple(masked(self._differences(item, live), item.green.kind))
        for attempt in range(_ATTEMPTS):
            current = orjson.loads(live.body)
            wanted = with_retained(body, current, item.volatile)
            wanted["metadata"] |= {"resourceVersion": live.resource_version}
            try:
                manifest = self.green.replace(
                    resource,
                    item.green.namespace,
                    item.green.name,
                    orjson.dumps(wanted),
                    manager=item.manager,
                    brief=not item.status,
                )
                break
            except ConflictError:
                if attempt == _ATTEMPTS - 1:
                    raise
                live = live_of(self.green.get(resource, item.green.namespace, item.green.name))
            except InvalidError as error:
                error.hint = "a field that cannot be changed in place? Delete it on green, then run copy again"
                raise
        if item.managed_fields:
            manifest = self._restore_owners(item, resource)
        if item.status and self._finish_is_due(item, live_of(manifest)):
            manifest = self._finish(item, resource, manifest)
        return self._outcome(item, Action.CHANGED, live_of(manifest), made=made, differences=differences)

    def _patient_create(self, resource: ResourceType, item: PlanItem, body: bytes, manager: str) -> Manifest:
        """Create, and wait for what green makes of its own a moment later: a CRD's endpoint, a namespace's default account."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while True:
            try:
                return self.green.create(resource, item.green.namespace, body, manager=manager, brief=not item.status)
            except (NotFoundError, ForbiddenError) as error:
                if not _settles(error, resource) or time.monotonic() > deadline:
                    raise
                self.sleep(0.2)

    def _restore_owners(self, item: PlanItem, resource: ResourceType) -> Manifest:
        patch = {"metadata": {"managedFields": orjson.loads(item.managed_fields)}}
        return self.green.patch(resource, item.green.namespace, item.green.name, patch, manager=field_owners.OURS)

    def _finish(self, item: PlanItem, resource: ResourceType, manifest: Manifest) -> Manifest:
        """Write a finished Job's status while it is suspended, then lift the suspension: a finished Job starts no pod."""
        namespace, name = item.green.namespace, item.green.name
        status = orjson.loads(item.status)
        for attempt in range(_ATTEMPTS):
            body = {**manifest, "status": {**_finished_base(manifest), **status}}
            try:
                manifest = self.green.replace(
                    resource, namespace, name, orjson.dumps(body), manager=field_owners.OURS, subresource="status"
                )
                break
            except ConflictError:
                if attempt == _ATTEMPTS - 1:
                    raise
                manifest = self.green.get(resource, namespace, name)
        if not get(orjson.loads(item.body), "spec", "suspend"):
            manifest = self.green.patch(resource, namespace, name, {"spec": {"suspend": False}}, manager=item.manager)
        return manifest

    def _await_established(self, resource: ResourceType, ref: ObjectRef) -> None:
        deadline = time.monotonic() + _ESTABLISH_SECONDS
        while True:
            crd = self.green.get(resource, "", ref.name)
            conditions = {item["type"]: item for item in get(crd, "status", "conditions") or []}
            if get(conditions, "Established", "status") == "True":
                return
            if get(conditions, "NamesAccepted", "status") == "False":
                raise InvalidError(f"green did not accept {ref}: {conditions['NamesAccepted'].get('message')}")
            if time.monotonic() > deadline:
                raise InvalidError(f"{ref} is not established on green after {_ESTABLISH_SECONDS:.0f} s")
            self.sleep(0.1)

    def _green_uid(self, owner: dict[str, Any]) -> str:
        uid = self._known_uid(owner)
        if not uid:
            raise NotFoundError(f"its owner {owner['kind']}/{owner['name']} is not on green", hint="see that object's own outcome")
        return uid

    def _differences(self, item: PlanItem, live: Live) -> list[FieldDifference]:
        """Return what differs; an owner that is not on green keeps blue's UID, and so shows as a difference."""
        return differences(item, live, lambda owner: self._known_uid(owner) or owner["uid"])

    def _known_uid(self, owner: dict[str, Any]) -> str:
        ref = self.refs.get(owner["uid"])
        return self.uids.get(ref, "") if ref else ""

    def _made(self, item: PlanItem, live: Live, written: Written | None) -> bool:
        if written is not None:
            return written.made and written.uid == live.uid
        return item.green in self.state.intended

    def _may_replace(self, item: PlanItem, live: Live, written: Written | None, *, made: bool, blue_changed: bool) -> bool:
        if (item.green.kind, item.green.name) == _DEFAULT_ACCOUNT:
            return True  # green's controller made it; a person's additions on blue belong into it
        if not made:
            return False
        if written is None:
            return True  # announced by a run that was killed before it saw the answer
        same = _same_token(written.green_token, live.token, ignore_generation=bool(item.volatile))
        return blue_changed and same and written.uid == live.uid

    def _finish_is_due(self, item: PlanItem, live: Live) -> bool:
        if not item.status or (item.green not in self.state.written and item.green not in self.state.intended):
            return False
        status = get(orjson.loads(live.body), "status") or {}
        ended = any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in status.get("conditions") or [])
        return not ended

    def _outcome(
        self, item: PlanItem, action: Action, live: Live, *, made: bool, differences: tuple[FieldDifference, ...] = ()
    ) -> Outcome:
        return Outcome(item.green, action, "", differences, live.uid, live.token, item.token, made)


def _settles(error: ApiError, resource: ResourceType) -> bool:
    if isinstance(error, ForbiddenError):
        return resource.kind == "Pod" and "error looking up service account" in error.message
    return "." in resource.group and "could not find the requested resource" in error.message


def _resource(item: PlanItem) -> ResourceType:
    if item.resource is None:
        raise ValueError(f"{item.green} has no type to be written at")
    return item.resource


def _finished_base(manifest: Manifest) -> dict[str, Any]:
    """Return the live status less what contradicts a finished Job (validation: batch/v1 Job status update)."""
    return without(manifest.get("status") or {}, "conditions", "active", "ready", "terminating", "startTime")


def _same_token(before: str, now: str, *, ignore_generation: bool) -> bool:
    """Return whether no person has changed the object between two tokens; controllers write status all the time."""
    parts = 1 if ignore_generation else 2
    return before.split(":")[:parts] == now.split(":")[:parts]
