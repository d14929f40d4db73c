"""What green's validation refuses although it lies on blue, found by dry runs before anything is written.

Validation gets stricter from version to version, and spares what was there before; only green itself knows what it refuses now.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import orjson

from migrator.errors import ApiError, InvalidError, UnavailableError
from migrator.migration.apply import special
from migrator.migration.inventory import Live
from migrator.model.events import Progress, Step
from migrator.model.form import form_of
from migrator.model.manifest import Manifest, is_custom_group, put, without
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef
from migrator.model.strange import STRANGE
from migrator.model.words import some
from migrator.ports import Green, Reporter
from migrator.rules import field_owners, schemas
from migrator.rules.versions import Kind

STAND_IN = "default"
"""A namespace that is not on green yet cannot take a dry run; this one exists everywhere."""
_HINT = "fix it on blue, or change it on its way by a transform; it cannot be created as it is"
# Kinds whose validation has not changed, or that green makes something else of.
_NOTHING_TO_REFUSE = frozenset({"ConfigMap", "Secret", "ServiceAccount", "Namespace", "Pod", "Job"})
_DEFINITION = "CustomResourceDefinition.apiextensions.k8s.io"
# Faults of one object: the schema's own validator names them all in `diff`.
_SHOWN = 3
# Words of an answer that is not validation's: what refuses by policy may come after the object.
_OTHER_WORDS = ("admission webhook", "ValidatingAdmissionPolicy", "denied")


def trial_of(item: PlanItem, body: Manifest, live: Mapping[ObjectRef, Live]) -> tuple[str, Manifest]:
    """Return the namespace and the manifest that a dry run of a create is made with.

    Owners have no UID on green yet, and a namespace may not be there: neither is what a dry run proves.
    """
    namespace = item.green.namespace
    if namespace and ObjectRef("", "Namespace", "", namespace) not in live and namespace != STAND_IN:
        namespace = STAND_IN
        body = put(body, ("metadata", "namespace"), namespace)
    return namespace, {**body, "metadata": without(body["metadata"], "ownerReferences")}


def without_refused(plan: Plan, green: Green, live: Mapping[ObjectRef, Live], reporter: Reporter) -> Plan:
    """Return the plan with what green's validation refuses blocked, and with its words.

    A custom resource whose definition is not on green yet is held against the definition that moves with it.
    """
    new = [item for wave in plan.waves for item in wave if item.green not in live]
    known = _kinds(live[ref].body for ref in live if ref.type_name == _DEFINITION)
    alike = _alike(item for item in new if _is_tried(item, known))
    count = sum(map(len, alike))
    if count:
        reporter.emit(Step(f"dry runs on green for {count} objects, one for each of {len(alike)} forms"))
    asker = _Asker(green, live, reporter)
    refused = asker.refused([group[0] for group in alike])
    refused |= asker.refused([item for group in alike if group[0].green in refused for item in group[1:]])
    refused |= _outdated(new, known)
    if not refused:
        return plan

    def judged(item: PlanItem) -> PlanItem:
        if item.decision is not Decision.MOVE or item.green not in refused:
            return item
        return PlanItem(item.blue, item.green, Decision.BLOCKED, refused[item.green], _HINT, uid=item.uid)

    waves = (tuple(item for item in wave if item.green not in refused) for wave in plan.waves)
    return replace(plan, items=tuple(map(judged, plan.items)), waves=tuple(wave for wave in waves if wave))


class _Asker:
    """Tries objects by dry runs, until a webhook does not answer."""

    def __init__(self, green: Green, live: Mapping[ObjectRef, Live], reporter: Reporter) -> None:
        self._green = green
        self._live = live
        self._reporter = reporter
        # By API group: a webhook of custom resources says nothing about others.
        self._gone: dict[str, threading.Event] = defaultdict(threading.Event)

    def refused(self, items: Sequence[PlanItem]) -> dict[ObjectRef, str]:
        """Return those that validation refuses, with the reason."""
        found = {}
        with ThreadPoolExecutor(self._green.workers) as pool:
            for number, (item, why) in enumerate(zip(items, pool.map(self._try, items), strict=True), start=1):
                if why:
                    found[item.green] = why
                self._reporter.emit(Progress("dry run", number, len(items)))
        return found

    def _try(self, item: PlanItem) -> str:
        served_by = item.green.group if is_custom_group(item.green.group) else ""
        return _refusal(item, self._green, self._live, self._gone[served_by])


def _alike(items: Iterable[PlanItem]) -> list[list[PlanItem]]:
    """Return the objects in groups that validation treats alike."""
    groups: dict[Hashable, list[PlanItem]] = {}
    for item in items:
        body = orjson.loads(item.body)
        try:
            key: Hashable = (item.green.type_name, form_of(body))
        except STRANGE:
            key = item.green
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def _is_tried(item: PlanItem, known: Mapping[Kind, Manifest]) -> bool:
    if item.resource is None:
        return False
    if is_custom_group(item.green.group):
        return (item.green.group, item.green.kind) in known
    return item.green.kind not in _NOTHING_TO_REFUSE


def _kinds(definitions: Iterable[bytes]) -> dict[Kind, Manifest]:
    """Return the definitions, as JSON, by the kind that each defines."""
    found = {}
    for body in definitions:
        with suppress(*STRANGE):
            definition = orjson.loads(body)
            found[definition["spec"]["group"], definition["spec"]["names"]["kind"]] = definition
    return found


def _outdated(items: Sequence[PlanItem], known: Mapping[Kind, Manifest]) -> dict[ObjectRef, str]:
    """Return the custom resources that their own definition refuses by now, with the reason.

    Blue spares them until somebody changes them.
    """
    moving = _kinds(item.body for item in items if item.green.type_name == _DEFINITION)
    found = {}
    for item in items:
        definition = moving.get((item.green.group, item.green.kind))
        if definition and item.resource and (item.green.group, item.green.kind) not in known:
            with suppress(*STRANGE):
                faults = list(schemas.faults(orjson.loads(item.body), definition, item.resource.version))
                if faults:
                    found[item.green] = f"does not match the present schema of its CRD: {some(faults, _SHOWN)}"
    return found


def _refusal(item: PlanItem, green: Green, live: Mapping[ObjectRef, Live], gone: threading.Event) -> str:
    """Return why validation refuses an object; empty where it takes it, or where something else has answered."""
    if gone.is_set() or item.resource is None:
        return ""
    try:
        namespace, body = trial_of(item, special.first_body(item, orjson.loads(item.body)), live)
        green.create(item.resource, namespace, orjson.dumps(body), manager=field_owners.OURS, dry_run=True, brief=True)
    except InvalidError as error:
        is_validation = error.reason == "Invalid" and not any(word in error.message for word in _OTHER_WORDS)
        return error.message if is_validation else ""
    except UnavailableError:
        gone.set()  # a webhook that does not answer: the plan is no place to wait for it again and again
    except (ApiError, *STRANGE):
        return ""
    return ""
