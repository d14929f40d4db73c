"""Read both clusters: the objects of blue, and what green serves and holds."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import orjson

from migrator.errors import ApiError
from migrator.migration.going import without_going
from migrator.migration.held_rollouts import serving_templates
from migrator.migration.inventory import BlueInventory, Found, GreenReading, Live
from migrator.migration.kind_reading import KindReading, concerns_one_kind, read_kind, read_live
from migrator.migration.memory import Meter
from migrator.model.events import Progress
from migrator.model.kinds import API_SERVICES, NODES, SERVICE_RANGES, SERVICES, STORAGE_CLASSES
from migrator.model.manifest import Manifest, get
from migrator.model.plan import Unreadable
from migrator.model.ref import ObjectRef, ResourceType
from migrator.model.strange import STRANGE, hashable, named
from migrator.ports import ClusterReader, Reporter
from migrator.rules import system, versions
from migrator.rules.context import BlueFacts, GreenFacts, Network, RuleContext, SystemObject
from migrator.rules.named_folders import place_of
from migrator.rules.ownership import left_behind
from migrator.rules.skip import AGGREGATED, BEING_DELETED, kind_skip
from migrator.rules.staying_kinds import SKIPPED_KINDS
from migrator.side_by_side import side_by_side

F = TypeVar("F")
READERS = 4
"""Kinds that are read at the same time on a near cluster; reading is fast, and more requests could overload blue."""
# Part of the requests that a cluster may get at once, which reading takes of one that is far.
_SHARE = 4
_CRD = "CustomResourceDefinition.apiextensions.k8s.io"
# Kinds whose objects decide how others are read or judged.
_FIRST = (_CRD, "Service", "StorageClass.storage.k8s.io")


@dataclass(slots=True, frozen=True)
class Discovery:
    """Everything that was read of blue."""

    inventory: BlueInventory
    objects: list[Found]
    """Handed over to `make_plan` object by object, so that a large cluster is in memory only once."""
    moving: frozenset[ResourceType]
    """Types that have an object to move and that green serves."""


def discover(
    blue: ClusterReader, green: ClusterReader, context: RuleContext, reporter: Reporter, meter: Meter | None = None
) -> Discovery:
    """Read blue's objects at versions that green serves too, and the facts of green that rules need.

    Kinds that this account may not read are listed as unreadable; raises ApiError when a cluster cannot be reached.
    """
    own_types, green_types = side_by_side(blue.resources, green.resources)
    blue_types = versions.by_kind(own_types)
    served = {kind: tuple(item.version for item in types) for kind, types in versions.by_kind(green_types).items()}
    with ThreadPoolExecutor(1) as pool:
        of_green = pool.submit(_green_facts, green, served)
        aggregated = BlueFacts(aggregated_groups=frozenset(_aggregated_groups(blue, blue_types)))

        first = [types[0] for types in blue_types.values() if types[0].type_name in _FIRST]
        early = _read(blue, [_at_common([item], served) or item for item in first], aggregated, context, reporter)
        defined = _definitions(early.readings)
        known = served | {kind: item.served for kind, item in defined.items() if kind not in served}

        rest = [types for types in blue_types.values() if types[0] not in first]
        facts = BlueFacts.joined((aggregated, early.facts))
        chosen = [(types[0], _at_common(types, known, defined)) for types in rest]
        others = {
            common: versions.other_versions(types, known[_kind(common)], common, definition.stored)
            for types, (_, common) in zip(rest, chosen, strict=True)
            if common and (definition := defined.get(_kind(common)))
        }
        late = _read(blue, [common or preferred for preferred, common in chosen], facts, context, reporter, others, meter)
    unserved = {item.type_name: item for item, common in chosen if not common and not kind_skip(item, _with(context, facts))}

    readings = (*early.readings, *late.readings)
    found = without_going(item for reading in readings for item in reading.objects)
    objects, blue_facts = _without_left_behind(found, BlueFacts.joined((facts, late.facts)))
    blue_facts = replace(blue_facts, system=_not_on_green(blue_facts.system, green, green_types))
    objects = _named_as_persons(objects, {item.ref for item in blue_facts.system})
    held = serving_templates(blue, objects, blue_facts.held_rollouts, blue_types)
    blue_facts = replace(blue_facts, plain_status=_plain_status(readings, green_types), serving=held)
    inventory = BlueInventory(
        kinds_read={item.resource.type_name: item.resource for item in readings if not item.unreadable},
        kinds_skipped=_silent(aggregated, blue_types) | early.skipped | late.skipped,
        unserved=unserved,
        green_versions=known,
        crds={kind: item.crd for kind, item in defined.items()},
        unreadable=tuple(Unreadable(item.resource.type_name, item.unreadable, item.failed) for item in readings if item.unreadable),
        blue=blue_facts,
        green=of_green.result(),
    )
    addresses = set(map(_address, green_types))
    moving = {item.resource for item in objects if not item.skip and item.resource.type_name not in unserved}
    return Discovery(inventory, objects, frozenset(item for item in moving if _address(item) in addresses))


def _plain_status(readings: Iterable[KindReading], green: Iterable[ResourceType]) -> frozenset[str]:
    """Return the custom kinds whose status is a field as any other; green decides once it serves the kind."""
    there = {item[:3]: item.has_status for item in green}
    types = (item.resource for item in readings if "." in item.resource.group)
    return frozenset(item.type_name for item in types if not there.get(item[:3], item.has_status))


def _without_left_behind(objects: list[Found], facts: BlueFacts) -> tuple[list[Found], BlueFacts]:
    """Return the objects, and the facts, after those that live and die with what stays behind stay there, too."""
    owned = {item.ref: item.owners for item in objects if item.owners and not item.skip}
    going = {item.ref for item in objects if item.skip == BEING_DELETED}
    left = left_behind(owned, facts.uids, facts.staying, SKIPPED_KINDS.keys(), going)
    if not left:
        return objects, facts
    kept = [
        Found(item.ref, item.resource, item.uid, f"is deleted with its owner {left[item.ref]}, which stays on blue")
        if item.ref in left
        else item
        for item in objects
    ]
    return kept, replace(facts, staying=facts.staying | left.keys())


def _not_on_green(objects: frozenset[SystemObject], green: ClusterReader, types: Iterable[ResourceType]) -> frozenset[SystemObject]:
    """Return those of blue's objects in system namespaces that green has not."""
    served = versions.by_kind(types)
    wanted = {item.ref._replace(name="") for item in objects}
    there: set[ObjectRef] = set()
    for group, kind, namespace, _ in sorted(wanted):
        if (group, kind) in served:
            there.update(_each(_listed(green, served[group, kind][0], namespace), lambda item: [named(item)]))
    return frozenset(item for item in objects if item.ref not in there)


def _named_as_persons(objects: list[Found], refs: set[ObjectRef]) -> list[Found]:
    """Return the objects; of those of system namespaces that only blue has, the reason says so."""
    return [replace(item, skip=system.PERSONS) if item.ref in refs else item for item in objects] if refs else objects


def handed_over(objects: list[Found]) -> Iterator[Found]:
    """Yield objects in order and take each one off the list, so that nothing keeps its body alive."""
    objects.reverse()
    while objects:
        yield objects.pop()


@dataclass(slots=True, frozen=True)
class _Readings:
    """Several kinds, read side by side."""

    readings: tuple[KindReading, ...]
    skipped: dict[str, str]
    facts: BlueFacts


def _read(
    blue: ClusterReader,
    resources: list[ResourceType],
    facts: BlueFacts,
    context: RuleContext,
    reporter: Reporter,
    others: Mapping[ResourceType, tuple[ResourceType, ...]] | None = None,
    meter: Meter | None = None,
) -> _Readings:
    """Read these kinds, some at a time; each thread returns a value, and this one joins them."""
    others = others or {}
    known = _with(context, facts)
    skipped = {item.type_name: reason for item in resources if (reason := kind_skip(item, known))}
    wanted = [item for item in resources if item.type_name not in skipped]
    readings: list[KindReading] = []
    count = 0
    with ThreadPoolExecutor(_readers(blue)) as pool:
        for reading in pool.map(lambda item: read_kind(blue, item, known, others.get(item, ())), wanted):
            readings.append(reading)
            count += len(reading.objects)
            if meter:
                meter.add(reading.objects)
            reporter.emit(Progress("reading blue", count, 0))
    return _Readings(tuple(readings), skipped, BlueFacts.joined(item.facts for item in readings))


def _readers(cluster: ClusterReader) -> int:
    return min(cluster.workers, max(READERS, cluster.workers // _SHARE))


def _with(context: RuleContext, facts: BlueFacts) -> RuleContext:
    return replace(context, blue=facts)


@dataclass(slots=True, frozen=True)
class _Definition:
    """A kind that a CRD of blue defines."""

    crd: ObjectRef
    served: tuple[str, ...]
    storage: str
    """Version that its objects are stored at from now on."""
    stored: tuple[str, ...]
    """All versions that some of them may be stored at."""


def _definitions(readings: Iterable[KindReading]) -> dict[versions.Kind, _Definition]:
    found = {}
    for reading in readings:
        if reading.resource.type_name == _CRD:
            for item in reading.objects:
                if item.body and (definition := _definition(item)):
                    found[definition[0]] = definition[1]
    return found


def _definition(crd: Found) -> tuple[versions.Kind, _Definition] | None:
    """Return the kind that a CRD defines, or None where it cannot be read."""
    try:
        kind, served, storage_version, stored = versions.crd_versions(orjson.loads(crd.body))
        return hashable([(kind, _Definition(crd.ref, tuple(served), storage_version, tuple(stored)))])[0]
    except STRANGE:
        return None


def _kind(resource: ResourceType) -> versions.Kind:
    return resource.group, resource.kind


def _at_common(
    types: Sequence[ResourceType],
    served: Mapping[versions.Kind, tuple[str, ...]],
    defined: Mapping[versions.Kind, _Definition] | None = None,
) -> ResourceType | None:
    kind = _kind(types[0])
    definition = (defined or {}).get(kind)
    return versions.common_version(types, served.get(kind, ()), definition.storage if definition else "")


def _silent(facts: BlueFacts, types: dict[versions.Kind, list[ResourceType]]) -> dict[str, str]:
    """Return the groups of aggregated API servers that do not answer: nobody knows their kinds, so the groups stand for them."""
    told = {group for group, _ in types}
    return {f"*.{group}": f"{AGGREGATED}; it does not answer" for group in facts.aggregated_groups - told}


def _aggregated_groups(blue: ClusterReader, types: dict[versions.Kind, list[ResourceType]]) -> set[str]:
    def group(service: Manifest) -> Iterator[str]:
        if get(service, "spec", "service"):
            yield service["spec"]["group"]

    return set(_each(_listed(blue, API_SERVICES), group)) if _kind(API_SERVICES) in types else set()


def _green_facts(green: ClusterReader, served: Mapping[versions.Kind, tuple[str, ...]]) -> GreenFacts:
    def objects(resource: ResourceType) -> list[Manifest]:
        found = served.get(_kind(resource))
        return _listed(green, resource._replace(version=found[0])) if found else []

    kinds = (SERVICES, SERVICE_RANGES, STORAGE_CLASSES, NODES)
    services, ranges, classes, nodes = side_by_side(*(partial(objects, kind) for kind in kinds))
    return GreenFacts(
        served_groups=frozenset(group for group, _ in served),
        served_kinds=frozenset(f"{kind}.{group}" for group, kind in served),
        service_networks=tuple(_each(ranges, _networks)),
        used_cluster_ips=dict(_each(services, _addresses)),
        used_node_ports=dict(_each(services, _node_ports)),
        storage_classes=frozenset(_each(classes, lambda item: [item["metadata"]["name"]])),
        class_places=frozenset(_each(classes, lambda item: [(item["metadata"]["name"], place_of(item))])),
        nodes={name: dict(labels) for name, labels in _each(nodes, _labels)},
        services=frozenset(_each(services, lambda item: [named(item)])),
    )


def _networks(ranges: Manifest) -> Iterator[Network]:
    return (ipaddress.ip_network(cidr) for cidr in get(ranges, "spec", "cidrs") or [])


def _addresses(service: Manifest) -> Iterator[tuple[str, ObjectRef]]:
    return ((address, named(service)) for address in get(service, "spec", "clusterIPs") or [] if address != "None")


def _labels(node: Manifest) -> list[tuple[str, frozenset[tuple[str, str]]]]:
    return [(named(node).name, frozenset((get(node, "metadata", "labels") or {}).items()))]


def _node_ports(service: Manifest) -> Iterator[tuple[int, ObjectRef]]:
    return ((port["nodePort"], named(service)) for port in get(service, "spec", "ports") or [] if port.get("nodePort"))


def _each(objects: Iterable[Manifest], facts: Callable[[Manifest], Iterable[F]]) -> Iterator[F]:
    """Yield the facts of each object; one that is of another form than its kind has none."""
    for manifest in objects:
        try:
            found = hashable(facts(manifest))
        except STRANGE:
            continue
        yield from found


def _listed(cluster: ClusterReader, resource: ResourceType, namespace: str = "") -> list[Manifest]:
    """Return the objects of a kind that only facts are read from; none when the kind cannot be read."""
    try:
        return list(cluster.list(resource, namespace, unparsed=lambda _: None))
    except ApiError as error:
        if not concerns_one_kind(error, cluster):
            raise
        return []


def read_green(green: ClusterReader, types: Iterable[ResourceType], reporter: Reporter) -> GreenReading:
    """Read green's objects of these types."""
    wanted = sorted(types)
    live: dict[ObjectRef, Live] = {}
    strange: dict[ObjectRef, str] = {}
    unreadable: list[Unreadable] = []
    with ThreadPoolExecutor(_readers(green)) as pool:
        for resource, reading in zip(wanted, pool.map(lambda item: read_live(green, item), wanted), strict=True):
            if reading.unreadable:
                unreadable.append(Unreadable(resource.type_name, reading.unreadable, reading.failed))
                continue
            live |= reading.live
            strange |= reading.strange
            reporter.emit(Progress(f"reading green: {resource.plural}", len(live), 0))
    return GreenReading(live, tuple(unreadable), strange)


def _address(resource: ResourceType) -> tuple[str, str, str]:
    return resource.group, resource.version, resource.plural
