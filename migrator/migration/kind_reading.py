"""What is read of all objects of one kind; an object that cannot be read costs only itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from migrator.errors import ApiError, ForbiddenError, NotFoundError
from migrator.migration.inventory import Found, Live, live_of
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ObjectRef, ResourceType
from migrator.model.strange import STRANGE, Unparsed, hashable, named, reason_of, to_json
from migrator.ports import ClusterReader
from migrator.rules import accounts, clock_zone, field_owners, injected, own_server, rollouts, storage, system
from migrator.rules.bindings import is_wildcard
from migrator.rules.context import BlueFacts, RuleContext
from migrator.rules.defaults import is_default
from migrator.rules.named_folders import place_of
from migrator.rules.one_side.rights import facts_of_rights
from migrator.rules.ownership import owners_of
from migrator.rules.references import scale_target
from migrator.rules.skip import SYSTEM, is_included, left_out, skip_reason

_CRD = "CustomResourceDefinition.apiextensions.k8s.io"
_STORAGE_CLASS = "StorageClass.storage.k8s.io"
# Kinds whose rules read in managedFields what a person submitted and what the API server has added.
_SUBMITTED = frozenset({"Service", "Pod"})
# Status from which on a server has failed, not refused.
_FAILED = 500
_WITH_AUTHORITY = frozenset({"admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io"})
_SCALERS = frozenset({"HorizontalPodAutoscaler.autoscaling"})


@dataclass(slots=True, frozen=True)
class KindReading:
    """All objects of one kind of blue."""

    resource: ResourceType
    objects: tuple[Found, ...] = ()
    facts: BlueFacts = field(default_factory=BlueFacts)
    unreadable: str = ""
    """Why the kind could not be listed."""
    failed: bool = False
    """Whether that is a failure of a server, not a refusal."""


@dataclass(slots=True, frozen=True)
class LiveReading:
    """All objects of one kind of green."""

    live: dict[ObjectRef, Live] = field(default_factory=dict)
    strange: dict[ObjectRef, str] = field(default_factory=dict)
    """Objects that cannot be read, with the reason."""
    unreadable: str = ""
    failed: bool = False


def read_kind(
    blue: ClusterReader, resource: ResourceType, context: RuleContext, others: Sequence[ResourceType] = ()
) -> KindReading:
    """Return the objects of one kind of blue; raises ApiError when blue itself does not answer.

    `others` are the same kind at more versions, which are tried where a server behind the API server fails: objects that are
    stored at the version that is asked for need no conversion webhook.
    """
    reading = _Reading(resource, context)
    try:
        for manifest in blue.list(resource, unparsed=reading.take_unparsed):
            reading.take(manifest)
    except ApiError as error:
        if not concerns_one_kind(error, blue):
            raise
        if others and error.status >= _FAILED:
            another = read_kind(blue, others[0], context, others[1:])
            if not another.unreadable:
                facts = replace(another.facts, dead_conversions=frozenset({resource.type_name}))
                return replace(another, facts=facts)
        return KindReading(resource, facts=reading.facts(), unreadable=error.message, failed=error.status >= _FAILED)
    return KindReading(resource, tuple(reading.found.values()), reading.facts())


def read_live(green: ClusterReader, resource: ResourceType) -> LiveReading:
    """Return the objects of one kind of green; raises ApiError when green itself does not answer."""
    live: dict[ObjectRef, Live] = {}
    strange: dict[ObjectRef, str] = {}

    def take_unparsed(item: Unparsed) -> None:
        strange[ObjectRef(resource.group, resource.kind, item.namespace, item.name)] = item.reason

    try:
        for manifest in green.list(resource, unparsed=take_unparsed):
            try:
                live[named(manifest)] = live_of(manifest)
            except STRANGE as error:
                strange[_name_of(manifest, resource, len(strange))] = reason_of(error)
    except NotFoundError:
        return LiveReading()
    except ApiError as error:
        if not concerns_one_kind(error, green):
            raise
        return LiveReading(unreadable=error.message, failed=error.status >= _FAILED)
    return LiveReading(live, strange)


def concerns_one_kind(error: ApiError, cluster: ClusterReader) -> bool:
    """Return whether a list failed because of its kind: it is forbidden, or a server behind the API server is ill.

    A conversion webhook or an aggregated API server that is gone makes 5xx answers of a cluster that is ready.
    """
    return isinstance(error, ForbiddenError | NotFoundError) or cluster.healthy()


class _Reading:
    """Collects the objects and the facts of one kind in one thread."""

    def __init__(self, resource: ResourceType, context: RuleContext) -> None:
        self.found: dict[ObjectRef, Found] = {}
        self._resource = resource
        self._context = context
        self._sets: dict[str, set[object]] = {}
        self._uids: dict[str, ObjectRef] = {}

    def take(self, manifest: Manifest) -> None:
        """Take one object into account; one that cannot be read is blocked, unless the person left it out by its name."""
        try:
            ref = named(manifest)
            reason = skip_reason(manifest, ref, self._context)
            facts = hashable(_facts_of(manifest, ref, moves=not reason))
            facts += hashable(_more_facts(manifest, ref, reason, self._context))
            found = _found(manifest, ref, self._resource, reason, alone=is_included(manifest, ref, self._context))
        except STRANGE as error:
            uid = get(manifest, "metadata", "uid")
            self._block(_name_of(manifest, self._resource, len(self.found)), uid if isinstance(uid, str) else "", reason_of(error))
            return
        self._keep(found, facts)

    def take_unparsed(self, item: Unparsed) -> None:
        """Block an object of which only the name is known."""
        ref = ObjectRef(self._resource.group, self._resource.kind, item.namespace, item.name or f"({len(self.found)})")
        self._block(ref, item.uid, item.reason)

    def facts(self) -> BlueFacts:
        """Return the facts so far."""
        sets: dict[str, frozenset[object]] = {name: frozenset(values) for name, values in self._sets.items()}
        return BlueFacts(uids=self._uids, **sets)  # type: ignore[arg-type]  # the names and types are those of _facts_of

    def _block(self, ref: ObjectRef, uid: str, why: str) -> None:
        skip = left_out(ref, {}, self._context)
        facts: list[tuple[str, object]] = [("staying", ref)] if skip else []
        self._keep(Found(ref, self._resource, uid, skip, blocked="" if skip else why), facts)

    def _keep(self, found: Found, facts: list[tuple[str, object]]) -> None:
        self.found[found.ref] = found
        if found.uid:
            self._uids[found.uid] = found.ref
        for name, value in facts:
            self._sets.setdefault(name, set()).add(value)


def _name_of(manifest: Manifest, resource: ResourceType, number: int) -> ObjectRef:
    """Return the name of an object that cannot be read, as far as it has one."""
    parts: list[Any] = [get(manifest, "metadata", "namespace"), get(manifest, "metadata", "name")]
    namespace, name = (part if isinstance(part, str) else "" for part in parts)
    return ObjectRef(resource.group, resource.kind, namespace, name or f"({number})")


def _facts_of(manifest: Manifest, ref: ObjectRef, *, moves: bool) -> Iterator[tuple[str, object]]:
    """Yield facts as (field of BlueFacts, member)."""
    if moves:
        yield from _facts_of_moving(manifest, ref)
    else:
        yield "staying", ref
        yield from (("api_servers", address) for address in own_server.addresses(manifest, ref))
        yield from (("time_zones", zone) for zone in clock_zone.zones(manifest, ref))
    if ref.type_name == "Service" and get(manifest, "spec", "selector"):
        yield "selector_services", (ref.namespace, ref.name)
    elif ref.type_name == "Secret" and accounts.is_generated_token(manifest):
        yield "generated_tokens", (ref.namespace, ref.name)
    elif ref.type_name == _STORAGE_CLASS:
        yield "class_places", (ref.name, place_of(manifest))
    elif ref.type_name in _SCALERS and (target := scale_target(manifest)):
        yield "scaled", target
    elif ref.group == "rbac.authorization.k8s.io":
        if is_wildcard(manifest):
            yield "wildcard_roles", (ref.namespace, ref.name)
        yield from facts_of_rights(manifest, ref)


def _facts_of_moving(manifest: Manifest, ref: ObjectRef) -> Iterator[tuple[str, object]]:
    """Yield what an object that moves means for others, and for its own comparison."""
    if ref.group in _WITH_AUTHORITY and injected.is_signed_at_run_time(manifest):
        yield "signed_at_run_time", ref
    if ref.type_name == "PersistentVolume" and not storage.is_provisioned(manifest):
        yield "moving_volumes", ref.name
        if storage.is_of_a_host(manifest):
            yield "host_volumes", ref.name
    elif ref.type_name == _STORAGE_CLASS:
        yield "storage_classes", ref.name
    elif ref.type_name == "LimitRange":
        yield "limits", (ref.namespace, ref.name, to_json(get(manifest, "spec", "limits") or []).decode())
    elif ref.type_name == "Deployment.apps" and rollouts.is_held(manifest):
        yield "held_rollouts", ref
    elif ref.type_name == _CRD:
        yield "groups", manifest["spec"]["group"]


def _more_facts(manifest: Manifest, ref: ObjectRef, reason: str, context: RuleContext) -> Iterator[tuple[str, object]]:
    """Yield facts that need a look at more than the kind; `reason`: why the object does not move, empty where it does."""
    if reason == SYSTEM and system.is_persons(manifest, ref, context):
        yield "system", system.facts(manifest, ref)
    elif not reason and is_default(manifest, ref):
        yield "defaults", ref


def _found(manifest: Manifest, ref: ObjectRef, resource: ResourceType, reason: str, *, alone: bool) -> Found:
    """Return what is kept of an object: of one that stays its name only, of field ownership what is needed to write.

    `alone`: a person wants it, whatever happens to its owners.
    """
    uid = manifest["metadata"]["uid"]
    if not isinstance(uid, str):
        raise TypeError
    if reason:
        return Found(ref, resource, uid, reason)
    entries = field_owners.persons_entries(manifest)
    owner = field_owners.ownership(entries)
    owners = () if alone else tuple(hashable(owners_of(manifest)))
    if ref.type_name not in _SUBMITTED:
        manifest["metadata"].pop("managedFields", None)
    return Found(ref, resource, uid, "", to_json(manifest), owner.manager, to_json(entries) if owner.restore else b"", owners)
