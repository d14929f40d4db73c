"""Decide without a request whether an object must be written to green."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from migrator.errors import NotFoundError
from migrator.migration.apply import special
from migrator.migration.inventory import Live, managers_of
from migrator.migration.one_side.look import runs_twice
from migrator.migration.parity import differences
from migrator.migration.state import Attempt, State, Written
from migrator.model.difference import FieldDifference, is_absent, masked, missing_from
from migrator.model.outcome import Action, Outcome
from migrator.model.owned import fields_of, owned_of
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from migrator.rules import field_owners, shared

# An API tells its time in whole seconds.
_CLOCK_SECONDS = 2.0
# How long after the last sign of life of a run green may have carried out its last request.
_LATE_SECONDS = 60.0
GOING = "is being deleted on green: run copy again when it is gone; a finalizer whose controller is away may hold it"


@dataclass(slots=True, frozen=True)
class Known:
    """What is known while one wave is judged and written; a frozen value, so that all threads may read it."""

    state: State
    """What earlier runs have left."""
    live: Mapping[ObjectRef, Live]
    """Green's objects, as they were read."""
    refs: Mapping[str, ObjectRef]
    """Blue UID to the object's name on green, to relink owners."""
    uids: Mapping[ObjectRef, str]
    """Green UIDs of what earlier runs and earlier waves have written."""
    since: float = math.inf
    """When this copy began, in seconds since 1970 by green's clock."""
    force: bool = False
    """Whether to overwrite objects that others created or changed."""

    def owner_uid(self, owner: Mapping[str, Any]) -> str:
        """Return the UID on green of an owner, or an empty string."""
        ref = self.refs.get(owner["uid"])
        return self.uids.get(ref, "") if ref else ""

    def required_owner_uid(self, owner: Mapping[str, Any]) -> str:
        """Return the UID on green of an owner; raises NotFoundError without one."""
        uid = self.owner_uid(owner)
        if not uid:
            raise NotFoundError(f"its owner {owner['kind']}/{owner['name']} is not on green", hint="see the outcome of that object")
        return uid

    def differences(self, item: PlanItem, live: Live) -> list[FieldDifference]:
        """Return what differs; an owner that is not on green keeps blue's UID, and so appears as a difference."""
        return differences(item, live, lambda owner: self.owner_uid(owner) or owner["uid"])

    def made(self, item: PlanItem, live: Live) -> bool:
        """Return whether this migration created the object on green."""
        written = self.state.written.get(item.green)
        if written is not None:
            return written.made and written.uid == live.uid
        attempt = self.state.intended.get(item.green)
        return attempt is not None and self.wrote(item, live, attempt)

    def wrote(self, item: PlanItem, live: Live, attempt: Attempt) -> bool:
        """Return whether an object is the one that a request without an answer may have created.

        It is as old as the request, was created under the name that it was written under, and is what was written.
        """
        created = field_owners.seconds(orjson.loads(live.body)["metadata"]["creationTimestamp"])
        in_time = attempt.since - _CLOCK_SECONDS <= created <= attempt.until + _LATE_SECONDS
        return in_time and _written_by_us(item, live) and not self._foreign(item, live)

    def _foreign(self, item: PlanItem, live: Live) -> bool:
        """Return whether a field differs that a create sends; what is held at first comes later, and so do some labels."""
        if item.late_labels:
            item = replace(item, body=orjson.dumps(special.first_body(item, orjson.loads(item.body))))
        held = [".".join(path) for path in special.held_paths(item)]
        return any(not any(f"{path}.".startswith(f"{found.path}.") for path in held) for found in self.differences(item, live))

    def finish_is_due(self, item: PlanItem, live: Live) -> bool:
        """Return whether an object of ours still waits for its status, or is held as it was created."""
        if item.ended is None and not item.hold:
            return False
        written = self.state.written.get(item.green)
        if written is None and not self.made(item, live):
            return False
        if item.ended is None and written is not None and written.finished:
            return False  # what it was held at may be a person's wish by now
        return not special.is_finished(item, orjson.loads(live.body))


def _written_by_us(item: PlanItem, live: Live) -> bool:
    """Return whether its fields are owned as after our writes: by the one name, or by blue's managers since blue's times."""
    if item.manager in live.creators or field_owners.NOBODY in live.creators:
        return True
    return bool(item.managed_fields) and not _lacks_owners(item, live)


def _lacks_owners(item: PlanItem, live: Live) -> bool:
    """Return whether blue's ownership of fields is still to be written."""
    if not item.managed_fields:
        return False
    wanted = managers_of({"metadata": {"managedFields": orjson.loads(item.managed_fields)}})
    return not live.token.startswith(wanted + ":")


def judge(item: PlanItem, live: Live | None, known: Known) -> Outcome | None:
    """Return the outcome if nothing is to be written, or None if the object must be written."""
    if live is None:
        return None
    if live.going:
        return Outcome(item.green, Action.BLOCKED, GOING, uid=live.uid)
    # Before all comparisons: what is held differs from the plan because we hold it, and not because a person changed it.
    if known.finish_is_due(item, live):
        return None
    if item.blue not in known.state.turned and runs_twice(item, live):
        text = "runs on green, and on blue too; left alone (--force-conflicts holds it on green)"
        return None if known.force else outcome(item, Action.CONFLICT, live, made=known.made(item, live), message=text)
    return _judged(item, live, known)


def _judged(item: PlanItem, live: Live, known: Known) -> Outcome | None:
    written, made = known.state.written.get(item.green), known.made(item, live)
    if written and written.agrees(uid=live.uid, green_token=live.token, blue_token=item.token):
        return outcome(item, Action.UNCHANGED, live, made=made)
    found = known.differences(item, live)
    # Empty where the object was only looked at, as in a conflict: that says nothing about blue.
    blue_changed = written is not None and written.blue_token not in ("", item.token)
    if not found and not blue_changed:
        if made and (written is None or not written.finished) and _lacks_owners(item, live):
            return None
        return outcome(item, Action.UNCHANGED, live, made=made)
    if written and not blue_changed and made and _was_admitted_so(written, live, found):
        return outcome(item, Action.UNCHANGED, live, made=made)
    allowed = _may_write(item, live, written, made=made, blue_changed=blue_changed)
    if shared.is_shared(item.green):
        allowed = not _contradicts(item, live, found, ours=allowed)
    if known.force or (allowed and (made or shared.is_shared(item.green))):
        return None
    whose = "was changed on green since it was copied" if made else "exists on green and was not made by this migration"
    return Outcome(
        item.green,
        Action.CONFLICT,
        f"{whose}; left alone (--force-conflicts takes blue's values)",
        tuple(masked(found, item.green.kind)),
        live.uid,
        written.green_token if written else "",
        written.blue_token if written else "",
        made,
    )


def outcome(
    item: PlanItem,
    action: Action,
    live: Live,
    *,
    made: bool,
    message: str = "",
    differences: tuple[FieldDifference, ...] = (),
) -> Outcome:
    """Return the outcome of an object that is on green as `live`."""
    return Outcome(item.green, action, message, differences, live.uid, live.token, item.token, made)


def _was_admitted_so(written: Written, live: Live, found: list[FieldDifference]) -> bool:
    """Return whether green's own admission gave an object its other values when it was written: nobody has changed it since.

    A second write would end the same way. What is missing is no value: it was lost, and is told. Only a generation tells for sure.
    """
    same = written.finished and written.uid == live.uid and _same_token(written.green_token, live.token, ignore_generation=False)
    lost = any(is_absent(item.live) or item.path.startswith("metadata.ownerReferences") for item in found)
    return same and bool(live.token.split(":")[1]) and not lost


def _may_write(item: PlanItem, live: Live, written: Written | None, *, made: bool, blue_changed: bool) -> bool:
    if written is None:
        return made  # announced by a run that was killed before it saw the answer
    same = _same_token(written.green_token, live.token, ignore_generation=bool(item.volatile) or _is_fenced(item))
    return blue_changed and same and written.uid == live.uid


def _contradicts(item: PlanItem, live: Live, found: list[FieldDifference], *, ours: bool) -> bool:
    """Return whether blue has another value where green's owner has set one; `ours`: where others than we have set it."""
    if ours and live.fields:
        entries = field_owners.of_others(orjson.loads(live.fields))
        of_others = owned_of(orjson.loads(live.body), fields_of(entries))
        found = missing_from(orjson.loads(item.body), of_others, additive=True)
    return shared.contradict(found)


def _is_fenced(item: PlanItem) -> bool:
    """Return whether this tool changes the object itself, at cutover and rollback: that is not a person's change."""
    return item.one_side is not None and item.one_side.part is not None


def _same_token(before: str, now: str, *, ignore_generation: bool) -> bool:
    """Return whether no person has changed the object between two tokens; controllers write status all the time."""
    parts = 1 if ignore_generation else 2
    return before.split(":")[:parts] == now.split(":")[:parts]
