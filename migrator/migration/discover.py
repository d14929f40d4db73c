"""Read both clusters: what blue has, what green serves and already holds."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import orjson

from migrator.errors import ForbiddenError, NotFoundError
from migrator.model.events import Progress
from migrator.model.manifest import Manifest, get, ref_of
from migrator.model.plan import Unreadable
from migrator.model.ref import ObjectRef, ResourceType
from migrator.ports import ClusterReader, Reporter
from migrator.rules import field_owners, storage, versions
from migrator.rules.context import BlueFacts, GreenFacts, Network, RuleContext
from migrator.rules.references import scale_target
from migrator.rules.skip import kind_skip, skip_reason

READERS = 4
"""Kinds that are read at once: reading is cheap, and blue may be tender."""
_FIRST = ("CustomResourceDefinition.apiextensions.k8s.io", "Service", "StorageClass.storage.k8s.io")
_SCALERS = frozenset({"HorizontalPodAutoscaler.autoscaling"})


@dataclass(slots=True)
class Found:
    """One object of blue."""

    ref: ObjectRef
    resource: ResourceType
    uid: str
    skip: str
    """Reason why it stays; its body is not kept then."""
    body: bytes = b""
    manager: str = ""
    """The name to write it under, so that its fields keep their owner."""
    managed_fields: bytes = b""
    """Blue's field ownership, where writing under one name cannot carry it over."""


@dataclass(slots=True)
class Live:
    """One object of green, as it is now."""

    uid: str
    resource_version: str
    token: str
    """`managers:generation:resourceVersion`: the first two change when a person changes the object, the last always."""
    body: bytes


@dataclass(slots=True)
class Inventory:
    """Both clusters, read."""

    found: list[Found] = field(default_factory=list)
    live: dict[ObjectRef, Live] = field(default_factory=dict)
    kinds_skipped: dict[str, str] = field(default_factory=dict)
    kinds_read: dict[str, ResourceType] = field(default_factory=dict)
    unserved: dict[str, ResourceType] = field(default_factory=dict)
    """Kinds that green serves at no common version, at blue's preferred one."""
    green_versions: dict[versions.Kind, list[str]] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    crds: dict[versions.Kind, ObjectRef] = field(default_factory=dict)
    blue: BlueFacts = field(default_factory=BlueFacts)
    green: GreenFacts = field(default_factory=GreenFacts)


class _Facts:
    """Collects what rules must know of all of blue, while it is being read."""

    def __init__(self) -> None:
        self.uids: dict[str, ObjectRef] = {}
        self.staying: set[ObjectRef] = set()
        self.selector_services: set[tuple[str, str]] = set()
        self.scaled: set[ObjectRef] = set()
        self.volumes: set[str] = set()
        self.classes: set[str] = set()
        self.groups: set[str] = set()
        self.aggregated: set[str] = set()

    def note(self, manifest: Manifest, ref: ObjectRef) -> None:
        """Take one object into account, whether it travels or not."""
        self.uids[manifest["metadata"]["uid"]] = ref
        if ref.kind == "Service" and not ref.group and get(manifest, "spec", "selector"):
            self.selector_services.add((ref.namespace, ref.name))
        elif ref.type_name in _SCALERS and (target := scale_target(manifest)):
            self.scaled.add(target)

    def note_traveller(self, manifest: Manifest, ref: ObjectRef) -> None:
        """Take an object that travels into account."""
        if ref.type_name == "PersistentVolume" and not storage.is_provisioned(manifest):
            self.volumes.add(ref.name)
        elif ref.type_name == "StorageClass.storage.k8s.io":
            self.classes.add(ref.name)
        elif ref.type_name == _FIRST[0]:
            self.groups.add(manifest["spec"]["group"])

    def frozen(self) -> BlueFacts:
        """Return the facts so far."""
        return BlueFacts(
            uids=self.uids,
            staying=frozenset(self.staying),
            selector_services=frozenset(self.selector_services),
            scaled=frozenset(self.scaled),
            moving_volumes=frozenset(self.volumes),
            storage_classes=frozenset(self.classes),
            groups=frozenset(self.groups),
            aggregated_groups=frozenset(self.aggregated),
        )


def discover(blue: ClusterReader, green: ClusterReader, context: RuleContext, reporter: Reporter) -> Inventory:
    """Read blue's objects at versions that green serves too, and the facts of green that rules need.

    Kinds that may not be read are listed in `unreadable`; raises ApiError when a cluster cannot be reached.
    """
    inventory = Inventory()
    facts = _Facts()
    blue_types = versions.by_kind(blue.resources())
    for kind, types in versions.by_kind(green.resources()).items():
        inventory.green_versions[kind] = [resource.version for resource in types]
    facts.aggregated = _aggregated_groups(blue, blue_types)
    crd_storage: dict[versions.Kind, str] = {}
    reader = _Reader(blue, inventory, facts, context, reporter)

    first = [types[0] for types in blue_types.values() if types[0].type_name in _FIRST]
    crds = reader.read([_at_common(types, inventory.green_versions, "") or types for types in first])
    for crd in crds:
        defined, served, storage_version = versions.crd_versions(crd)
        if ref_of(crd) not in facts.staying:
            inventory.green_versions.setdefault(defined, served)
        inventory.crds[defined] = ref_of(crd)
        crd_storage[defined] = storage_version

    rest: list[ResourceType] = []
    for kind, types in blue_types.items():
        if types[0] in first:
            continue
        served = inventory.green_versions.get(kind, [])
        chosen = versions.common_version(types, served, crd_storage.get(kind, ""))
        if not chosen and not kind_skip(types[0], reader.context()):
            inventory.unserved[types[0].type_name] = types[0]
        rest.append(chosen or types[0])
    reader.read(rest)
    inventory.blue = facts.frozen()
    inventory.green = _green_facts(green, inventory)
    return inventory


class _Reader:
    """Reads kinds of blue side by side into the inventory."""

    def __init__(self, blue: ClusterReader, inventory: Inventory, facts: _Facts, context: RuleContext, reporter: Reporter) -> None:
        self._blue = blue
        self._inventory = inventory
        self._facts = facts
        self._context = context
        self._reporter = reporter

    def context(self) -> RuleContext:
        """Return the rule context with the facts so far."""
        return RuleContext(self._context.config, self._context.green, self._facts.frozen(), self._context.fenced_cronjobs)

    def read(self, resources: list[ResourceType]) -> list[Manifest]:
        """Read these kinds; return the CRDs among the objects."""
        context = self.context()
        wanted = []
        for resource in resources:
            reason = kind_skip(resource, context)
            if reason:
                self._inventory.kinds_skipped[resource.type_name] = reason
            else:
                wanted.append(resource)
        crds: list[Manifest] = []
        with ThreadPoolExecutor(min(READERS, self._blue.workers)) as pool:
            for resource, objects in zip(wanted, pool.map(lambda item: self._objects(item, context), wanted), strict=True):
                if objects is not None:
                    self._inventory.kinds_read[resource.type_name] = resource
                    self._inventory.found += objects
                    crds += [orjson.loads(item.body) for item in objects if item.body and resource.type_name == _FIRST[0]]
                self._reporter.emit(Progress("reading blue", len(self._inventory.found), 0))
        return crds

    def _objects(self, resource: ResourceType, context: RuleContext) -> list[Found] | None:
        found: dict[ObjectRef, Found] = {}
        try:
            for manifest in self._blue.list(resource):
                ref = ref_of(manifest)
                self._facts.note(manifest, ref)
                reason = skip_reason(manifest, ref, context)
                if reason:
                    self._facts.staying.add(ref)
                else:
                    self._facts.note_traveller(manifest, ref)
                found[ref] = _found(manifest, ref, resource, reason)
        except (ForbiddenError, NotFoundError) as error:
            self._inventory.unreadable.append(Unreadable(resource.type_name, error.message))
            return None
        return list(found.values())


def _found(manifest: Manifest, ref: ObjectRef, resource: ResourceType, reason: str) -> Found:
    """Return what is kept of an object: of one that stays its name only, of field ownership what is needed to write."""
    uid = manifest["metadata"]["uid"]
    if reason:
        return Found(ref, resource, uid, reason)
    entries = field_owners.persons_entries(manifest)
    owner = field_owners.ownership(entries)
    if ref.kind != "Service":  # whose rules read there which addresses a person chose
        manifest["metadata"].pop("managedFields", None)
    return Found(ref, resource, uid, "", orjson.dumps(manifest), owner.manager, orjson.dumps(entries) if owner.restore else b"")


def _at_common(resource: ResourceType, green: dict[versions.Kind, list[str]], storage_version: str) -> ResourceType | None:
    return versions.common_version([resource], green.get((resource.group, resource.kind), []), storage_version)


def _aggregated_groups(blue: ClusterReader, types: dict[versions.Kind, list[ResourceType]]) -> set[str]:
    services = types.get(("apiregistration.k8s.io", "APIService"))
    listed = _optional(lambda: list(blue.list(services[0]))) if services else None
    return {item["spec"]["group"] for item in listed or [] if get(item, "spec", "service")}


def _green_facts(green: ClusterReader, inventory: Inventory) -> GreenFacts:
    def objects(group: str, kind: str, plural: str) -> list[Manifest]:
        served = inventory.green_versions.get((group, kind))
        if not served:
            return []
        resource = ResourceType(group, served[0], plural, kind, False, frozenset())
        return _optional(lambda: list(green.list(resource))) or []

    services = objects("", "Service", "services")
    networks: list[Network] = [
        ipaddress.ip_network(cidr)
        for item in objects("networking.k8s.io", "ServiceCIDR", "servicecidrs")
        for cidr in get(item, "spec", "cidrs") or []
    ]
    return GreenFacts(
        served_groups=frozenset(group for group, _ in inventory.green_versions),
        service_networks=tuple(networks),
        used_cluster_ips={
            address: ref_of(item) for item in services for address in get(item, "spec", "clusterIPs") or [] if address != "None"
        },
        used_node_ports={
            port["nodePort"]: ref_of(item) for item in services for port in get(item, "spec", "ports") or [] if port.get("nodePort")
        },
        storage_classes=frozenset(item["metadata"]["name"] for item in objects("storage.k8s.io", "StorageClass", "storageclasses")),
    )


def _optional(read: Callable[[], list[Manifest]]) -> list[Manifest] | None:
    """Return what `read` returns, None when the account may not read it or it is not there."""
    try:
        return read()
    except (ForbiddenError, NotFoundError):
        return None


def read_green(green: ClusterReader, inventory: Inventory, reporter: Reporter) -> None:
    """Read green's objects of the kinds that have something to move into the inventory."""
    moving = {item.resource for item in inventory.found if not item.skip}
    served = [resource for resource in moving if resource.type_name not in inventory.unserved]
    on_green = set(green.resources())
    plain = [resource for resource in served if any(_same_type(resource, other) for other in on_green)]

    def read(resource: ResourceType) -> dict[ObjectRef, Live]:
        return {ref_of(manifest): live_of(manifest) for manifest in green.list(resource)}

    with ThreadPoolExecutor(min(READERS, green.workers)) as pool:
        for resource, objects in zip(plain, pool.map(lambda item: _guarded(read, item, inventory), plain), strict=True):
            inventory.live |= objects
            reporter.emit(Progress(f"reading green: {resource.plural}", len(inventory.live), 0))


def _guarded(
    read: Callable[[ResourceType], dict[ObjectRef, Live]], resource: ResourceType, inventory: Inventory
) -> dict[ObjectRef, Live]:
    try:
        return read(resource)
    except NotFoundError:
        return {}
    except ForbiddenError as error:
        inventory.unreadable.append(Unreadable(resource.type_name, error.message))
        return {}


def _same_type(left: ResourceType, right: ResourceType) -> bool:
    return (left.group, left.version, left.plural) == (right.group, right.version, right.plural)


def live_of(manifest: Manifest) -> Live:
    """Return what is kept of an object of green: its managedFields only as a token."""
    metadata = manifest["metadata"]
    managers = digest("|".join(field_owners.changed_by_person(manifest)).encode())
    token = f"{managers}:{metadata.get('generation', '')}:{metadata['resourceVersion']}"
    slim = {**manifest, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}
    return Live(metadata["uid"], metadata["resourceVersion"], token, orjson.dumps(slim))


def digest(data: bytes) -> str:
    """Return a short digest that tells contents apart."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def unreadable_names(items: Iterable[Unreadable]) -> str:
    """Return the kinds in a sentence."""
    return ", ".join(sorted({item.type_name for item in items}))
