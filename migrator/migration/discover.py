"""Read both clusters: the objects of blue, and what green serves and holds."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import orjson

from migrator.errors import ApiError, ForbiddenError, NotFoundError
from migrator.migration.inventory import BlueInventory, Found, GreenReading, Live, live_of
from migrator.model.events import Progress
from migrator.model.kinds import API_SERVICES, SERVICE_RANGES, SERVICES, STORAGE_CLASSES
from migrator.model.manifest import Manifest, get, ref_of
from migrator.model.plan import Unreadable
from migrator.model.ref import ObjectRef, ResourceType
from migrator.ports import ClusterReader, Reporter
from migrator.rules import field_owners, storage, versions
from migrator.rules.bindings import is_wildcard
from migrator.rules.context import BlueFacts, GreenFacts, Network, RuleContext
from migrator.rules.ownership import left_behind, owners_of
from migrator.rules.references import scale_target
from migrator.rules.skip import SKIPPED_KINDS, is_included, kind_skip, skip_reason

READERS = 4
"""Kinds that are read at the same time; reading is fast, and more requests could overload blue."""
_CRD = "CustomResourceDefinition.apiextensions.k8s.io"
_STORAGE_CLASS = "StorageClass.storage.k8s.io"
_FIRST = (_CRD, "Service", _STORAGE_CLASS)
"""Kinds whose objects decide how others are read or judged."""
_SCALERS = frozenset({"HorizontalPodAutoscaler.autoscaling"})


@dataclass(slots=True, frozen=True)
class Discovery:
    """Everything that was read of blue."""

    inventory: BlueInventory
    objects: list[Found]
    """Handed over to `make_plan` object by object, so that a large cluster is in memory only once."""
    moving: frozenset[ResourceType]
    """Types that have an object to move and that green serves."""


@dataclass(slots=True, frozen=True)
class _KindReading:
    """What one thread has read: all objects of one kind."""

    resource: ResourceType
    objects: tuple[Found, ...] = ()
    facts: BlueFacts = field(default_factory=BlueFacts)
    unreadable: str = ""


def discover(blue: ClusterReader, green: ClusterReader, context: RuleContext, reporter: Reporter) -> Discovery:
    """Read blue's objects at versions that green serves too, and the facts of green that rules need.

    Kinds that this account may not read are listed as unreadable; raises ApiError when a cluster cannot be reached.
    """
    blue_types = versions.by_kind(blue.resources())
    green_types = green.resources()
    served = {kind: tuple(item.version for item in types) for kind, types in versions.by_kind(green_types).items()}
    aggregated = BlueFacts(aggregated_groups=frozenset(_aggregated_groups(blue, blue_types)))

    first = [types[0] for types in blue_types.values() if types[0].type_name in _FIRST]
    early = _read(blue, [_at_common([item], served) or item for item in first], aggregated, context, reporter)
    defined = _definitions(early.readings)
    known = served | {kind: item.served for kind, item in defined.items() if kind not in served}

    rest = [types for types in blue_types.values() if types[0] not in first]
    facts = BlueFacts.joined((aggregated, early.facts))
    chosen = [(types[0], _at_common(types, known, defined)) for types in rest]
    late = _read(blue, [common or preferred for preferred, common in chosen], facts, context, reporter)
    unserved = {item.type_name: item for item, common in chosen if not common and not kind_skip(item, _with(context, facts))}

    readings = (*early.readings, *late.readings)
    objects, blue_facts = _without_left_behind(
        [item for reading in readings for item in reading.objects], BlueFacts.joined((facts, late.facts))
    )
    inventory = BlueInventory(
        kinds_read={item.resource.type_name: item.resource for item in readings if not item.unreadable},
        kinds_skipped=early.skipped | late.skipped,
        unserved=unserved,
        green_versions=known,
        crds={kind: item.crd for kind, item in defined.items()},
        unreadable=tuple(Unreadable(item.resource.type_name, item.unreadable) for item in readings if item.unreadable),
        blue=blue_facts,
        green=_green_facts(green, served),
    )
    addresses = set(map(_address, green_types))
    moving = {item.resource for item in objects if not item.skip and item.resource.type_name not in unserved}
    return Discovery(inventory, objects, frozenset(item for item in moving if _address(item) in addresses))


def _without_left_behind(objects: list[Found], facts: BlueFacts) -> tuple[list[Found], BlueFacts]:
    """Return the objects, and the facts, after those that live and die with what stays behind stay there, too."""
    owned = {item.ref: item.owners for item in objects if item.owners and not item.skip}
    left = left_behind(owned, facts.uids, facts.staying, SKIPPED_KINDS.keys())
    if not left:
        return objects, facts
    kept = [
        Found(item.ref, item.resource, item.uid, f"lives and dies with {left[item.ref]}, which stays on blue")
        if item.ref in left
        else item
        for item in objects
    ]
    return kept, replace(facts, staying=facts.staying | left.keys())


def handed_over(objects: list[Found]) -> Iterator[Found]:
    """Yield objects in order and take each one off the list, so that nothing keeps its body alive."""
    objects.reverse()
    while objects:
        yield objects.pop()


@dataclass(slots=True, frozen=True)
class _Readings:
    """Several kinds, read side by side."""

    readings: tuple[_KindReading, ...]
    skipped: dict[str, str]
    facts: BlueFacts


def _read(
    blue: ClusterReader, resources: list[ResourceType], facts: BlueFacts, context: RuleContext, reporter: Reporter
) -> _Readings:
    """Read these kinds, some at a time; each thread returns a value, and this one joins them."""
    known = _with(context, facts)
    skipped = {item.type_name: reason for item in resources if (reason := kind_skip(item, known))}
    wanted = [item for item in resources if item.type_name not in skipped]
    readings: list[_KindReading] = []
    count = 0
    with ThreadPoolExecutor(min(READERS, blue.workers)) as pool:
        for reading in pool.map(lambda item: _read_kind(blue, item, known), wanted):
            readings.append(reading)
            count += len(reading.objects)
            reporter.emit(Progress("reading blue", count, 0))
    return _Readings(tuple(readings), skipped, BlueFacts.joined(item.facts for item in readings))


def _read_kind(blue: ClusterReader, resource: ResourceType, context: RuleContext) -> _KindReading:
    found: dict[ObjectRef, Found] = {}
    facts = _Facts()
    try:
        for manifest in blue.list(resource):
            ref = ref_of(manifest)
            reason = skip_reason(manifest, ref, context)
            facts.note(manifest, ref, moves=not reason)
            found[ref] = _found(manifest, resource, reason, alone=is_included(manifest, ref, context))
    except (ForbiddenError, NotFoundError) as error:
        return _KindReading(resource, facts=facts.frozen(), unreadable=error.message)
    return _KindReading(resource, tuple(found.values()), facts.frozen())


class _Facts:
    """Collects the facts of one kind in one thread; each field has the name of a field of BlueFacts."""

    def __init__(self) -> None:
        self._sets: dict[str, set[object]] = {}
        self._uids: dict[str, ObjectRef] = {}

    def note(self, manifest: Manifest, ref: ObjectRef, *, moves: bool) -> None:
        """Take one object into account."""
        self._uids[manifest["metadata"]["uid"]] = ref
        for name, value in _facts_of(manifest, ref, moves=moves):
            self._sets.setdefault(name, set()).add(value)

    def frozen(self) -> BlueFacts:
        """Return the facts so far."""
        sets: dict[str, frozenset[object]] = {name: frozenset(values) for name, values in self._sets.items()}
        return BlueFacts(uids=self._uids, **sets)  # type: ignore[arg-type]  # the names and types are those of _facts_of


def _facts_of(manifest: Manifest, ref: ObjectRef, *, moves: bool) -> Iterator[tuple[str, object]]:
    """Yield facts as (field of BlueFacts, member)."""
    if not moves:
        yield "staying", ref
    if ref.type_name == "Service" and get(manifest, "spec", "selector"):
        yield "selector_services", (ref.namespace, ref.name)
    elif ref.type_name in _SCALERS and (target := scale_target(manifest)):
        yield "scaled", target
    elif moves and ref.type_name == "PersistentVolume" and not storage.is_provisioned(manifest):
        yield "moving_volumes", ref.name
    elif moves and ref.type_name == _STORAGE_CLASS:
        yield "storage_classes", ref.name
    elif ref.kind in ("Role", "ClusterRole") and ref.group == "rbac.authorization.k8s.io" and is_wildcard(manifest):
        yield "wildcard_roles", (ref.namespace, ref.name)
    elif moves and ref.type_name == _CRD:
        yield "groups", manifest["spec"]["group"]


def _with(context: RuleContext, facts: BlueFacts) -> RuleContext:
    return RuleContext(context.config, context.green, facts, context.fenced_cronjobs)


@dataclass(slots=True, frozen=True)
class _Definition:
    """A kind that a CRD of blue defines."""

    crd: ObjectRef
    served: tuple[str, ...]
    storage: str
    """Version that its objects are stored at."""


def _definitions(readings: Iterable[_KindReading]) -> dict[versions.Kind, _Definition]:
    found = {}
    for reading in readings:
        if reading.resource.type_name == _CRD:
            for item in reading.objects:
                if item.body:
                    defined, served, storage_version = versions.crd_versions(orjson.loads(item.body))
                    found[defined] = _Definition(item.ref, tuple(served), storage_version)
    return found


def _kind(resource: ResourceType) -> versions.Kind:
    return resource.group, resource.kind


def _found(manifest: Manifest, resource: ResourceType, reason: str, *, alone: bool) -> Found:
    """Return what is kept of an object: of one that stays its name only, of field ownership what is needed to write.

    `alone`: a person wants it, whatever happens to its owners.
    """
    ref = ref_of(manifest)
    uid = manifest["metadata"]["uid"]
    if reason:
        return Found(ref, resource, uid, reason)
    entries = field_owners.persons_entries(manifest)
    owner = field_owners.ownership(entries)
    owners = () if alone else owners_of(manifest)
    if ref.kind != "Service":  # whose rules read there which addresses a person chose
        manifest["metadata"].pop("managedFields", None)
    return Found(
        ref, resource, uid, "", orjson.dumps(manifest), owner.manager, orjson.dumps(entries) if owner.restore else b"", owners
    )


def _at_common(
    types: Sequence[ResourceType],
    served: Mapping[versions.Kind, tuple[str, ...]],
    defined: Mapping[versions.Kind, _Definition] | None = None,
) -> ResourceType | None:
    kind = _kind(types[0])
    definition = (defined or {}).get(kind)
    return versions.common_version(types, served.get(kind, ()), definition.storage if definition else "")


def _aggregated_groups(blue: ClusterReader, types: dict[versions.Kind, list[ResourceType]]) -> set[str]:
    listed = _optional(lambda: list(blue.list(API_SERVICES))) if _kind(API_SERVICES) in types else []
    return {item["spec"]["group"] for item in listed if get(item, "spec", "service")}


def _green_facts(green: ClusterReader, served: Mapping[versions.Kind, tuple[str, ...]]) -> GreenFacts:
    def objects(resource: ResourceType) -> list[Manifest]:
        found = served.get(_kind(resource))
        return _optional(lambda: list(green.list(resource._replace(version=found[0])))) if found else []

    services = objects(SERVICES)
    networks: list[Network] = [
        ipaddress.ip_network(cidr) for item in objects(SERVICE_RANGES) for cidr in get(item, "spec", "cidrs") or []
    ]
    return GreenFacts(
        served_groups=frozenset(group for group, _ in served),
        service_networks=tuple(networks),
        used_cluster_ips={
            address: ref_of(item) for item in services for address in get(item, "spec", "clusterIPs") or [] if address != "None"
        },
        used_node_ports={
            port["nodePort"]: ref_of(item) for item in services for port in get(item, "spec", "ports") or [] if port.get("nodePort")
        },
        storage_classes=frozenset(item["metadata"]["name"] for item in objects(STORAGE_CLASSES)),
    )


def _optional(read: Callable[[], list[Manifest]]) -> list[Manifest]:
    """Return what `read` returns, or nothing when the account may not read it or it does not exist."""
    try:
        return read()
    except (ForbiddenError, NotFoundError):
        return []


def read_green(green: ClusterReader, types: Iterable[ResourceType], reporter: Reporter) -> GreenReading:
    """Read green's objects of these types."""
    wanted = sorted(types)
    live: dict[ObjectRef, Live] = {}
    unreadable: list[Unreadable] = []
    with ThreadPoolExecutor(min(READERS, green.workers)) as pool:
        for resource, objects in zip(wanted, pool.map(lambda item: _read_live(green, item), wanted), strict=True):
            if isinstance(objects, ApiError):
                unreadable.append(Unreadable(resource.type_name, objects.message))
                continue
            live |= objects
            reporter.emit(Progress(f"reading green: {resource.plural}", len(live), 0))
    return GreenReading(live, tuple(unreadable))


def _read_live(green: ClusterReader, resource: ResourceType) -> dict[ObjectRef, Live] | ForbiddenError:
    try:
        return {ref_of(manifest): live_of(manifest) for manifest in green.list(resource)}
    except NotFoundError:
        return {}
    except ForbiddenError as error:
        return error


def _address(resource: ResourceType) -> tuple[str, str, str]:
    return resource.group, resource.version, resource.plural
