"""What a rule may know besides the object that it changes."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from migrator.config.schema import Migration
from migrator.model.manifest import Manifest
from migrator.model.one_side import Part
from migrator.model.ref import ObjectRef

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(slots=True, frozen=True)
class GreenFacts:
    """What green offers, read once before planning."""

    served_groups: frozenset[str] = frozenset()
    served_kinds: frozenset[str] = frozenset()
    """Kinds, as `Kind.group`, that green serves already: their controllers may be at work there."""
    service_networks: tuple[Network, ...] = ()
    """Ranges that cluster IPs come from; empty when green does not tell."""
    used_cluster_ips: dict[str, ObjectRef] = field(default_factory=dict)
    used_node_ports: dict[int, ObjectRef] = field(default_factory=dict)
    storage_classes: frozenset[str] = frozenset()
    class_places: frozenset[tuple[str, tuple[str, ...]]] = frozenset()
    """Name of each class, and where it makes folders that claims name (`named_folders`)."""
    nodes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Names of its nodes to their labels; empty when green does not tell."""
    services: frozenset[ObjectRef] = frozenset()
    """Empty when green does not tell: each API server has one for itself."""


class SystemObject(NamedTuple):
    """An object that a person put into a system namespace, and what others may need it for."""

    ref: ObjectRef
    grants: tuple[tuple[str, str], ...] = ()
    """Accounts that it gives rights to: namespace, and name or `*`."""
    opens: str = ""
    """Kind whose objects only it can open."""


class Serving(NamedTuple):
    """The pod template of an earlier revision, whose pods do a Deployment's work on blue."""

    revision: str
    template: str
    """As JSON."""


@dataclass(slots=True, frozen=True)
class BlueFacts:
    """Facts about all objects of blue that a rule needs for one object."""

    uids: dict[str, ObjectRef] = field(default_factory=dict)
    """UID of each object that was read, to find owners."""
    staying: frozenset[ObjectRef] = frozenset()
    """Objects that are not moved; owner references to them are removed."""
    selector_services: frozenset[tuple[str, str]] = frozenset()
    """(namespace, name) of Services with a selector; their endpoints are created again."""
    scaled: frozenset[ObjectRef] = frozenset()
    """Workloads whose replicas an autoscaler sets."""
    moving_volumes: frozenset[str] = frozenset()
    """PersistentVolumes that move with their claim."""
    host_volumes: frozenset[str] = frozenset()
    """Those of them that are a folder or a device of one host: on green there is another one, without the data."""
    storage_classes: frozenset[str] = frozenset()
    """StorageClasses that move."""
    class_places: frozenset[tuple[str, tuple[str, ...]]] = frozenset()
    """Name of each class that was read, and where it makes folders that claims name (`named_folders`)."""
    groups: frozenset[str] = frozenset()
    """API groups whose CRDs move."""
    wildcard_roles: frozenset[tuple[str, str]] = frozenset()
    """(namespace, name) of Roles and ClusterRoles that allow everything; those that stay, too."""
    outside_roles: frozenset[tuple[str, str, str]] = frozenset()
    """(namespace, name, what) of Roles and ClusterRoles that let an account write what acts outside."""
    bound_accounts: frozenset[tuple[str, str, str, str]] = frozenset()
    """(namespace, account, namespace of the role, role) of each binding of an account."""
    api_servers: frozenset[str] = frozenset()
    """Addresses and names of its API servers."""
    time_zones: frozenset[str] = frozenset()
    """Those that its controller managers have been given, in words."""
    generated_tokens: frozenset[tuple[str, str]] = frozenset()
    """(namespace, name) of Secrets in which blue's controller signed a token for an account."""
    signed_at_run_time: frozenset[ObjectRef] = frozenset()
    """Webhooks, CRDs and APIServices whose authority is written by who serves them."""
    limits: frozenset[tuple[str, str, str]] = frozenset()
    """LimitRanges: namespace on blue, name, and `spec.limits` as JSON."""
    aggregated_groups: frozenset[str] = frozenset()
    """API groups served by an aggregated API server."""
    defaults: frozenset[ObjectRef] = frozenset()
    """Default classes that move."""
    system: frozenset[SystemObject] = frozenset()
    """What a person put into the system namespaces, and what stays there."""
    dead_conversions: frozenset[str] = frozenset()
    """Kinds, as `Kind.group`, that could be read at one version only: their conversion webhook does not answer."""
    plain_status: frozenset[str] = frozenset()
    """Custom kinds, as `Kind.group`, whose status is a field as any other: nobody fills it in again."""
    held_rollouts: frozenset[ObjectRef] = frozenset()
    """Deployments whose rollout does not go on."""
    serving: dict[ObjectRef, Serving] = field(default_factory=dict)
    """Of those, which template works on blue."""

    @staticmethod
    def joined(readings: Iterable[BlueFacts]) -> BlueFacts:
        """Return the facts of several readings together."""
        parts = list(readings)
        uids = {uid: ref for part in parts for uid, ref in part.uids.items()}
        names = [item.name for item in dataclasses.fields(BlueFacts) if item.name not in ("uids", "serving")]
        sets: dict[str, Any] = {name: frozenset().union(*(getattr(part, name) for part in parts)) for name in names}
        return BlueFacts(uids, serving={ref: found for part in parts for ref, found in part.serving.items()}, **sets)


@dataclass(slots=True, frozen=True)
class RuleContext:
    """Everything that rules may look at."""

    config: Migration
    green: GreenFacts = field(default_factory=GreenFacts)
    blue: BlueFacts = field(default_factory=BlueFacts)
    handed: Mapping[ObjectRef, Part] = field(default_factory=dict)
    """What a cutover has stopped on blue, by its name there: its values there are this tool's."""

    copied_claims: frozenset[str] = frozenset()
    """Claims (namespace/name on blue) whose data was copied, and proven equal while blue's workload stood still."""

    data_moves: frozenset[str] = frozenset()
    """Claims (namespace/name on blue) whose data a cutover moves, or whose volume it hands over."""
    copied_before: frozenset[str] = frozenset()
    """Those of them whose data was copied at least once."""

    def green_namespace(self, namespace: str) -> str:
        """Return the namespace's name on green."""
        return self.config.map.namespaces.get(namespace, namespace)


class Rule(NamedTuple):
    """One change that a copy makes to an object."""

    name: str
    """Shown in the plan beside each object that the rule changes."""
    apply: Callable[[Manifest, RuleContext], Manifest]
    types: frozenset[str] | None = None
    """`Kind.group` that it applies to; None: all kinds."""


class Hindrance(NamedTuple):
    """Why an object cannot move, and what to do about it."""

    reason: str
    hint: str
