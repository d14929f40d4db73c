"""What a rule may know besides the object in front of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from migrator.config.schema import Migration
from migrator.model.manifest import Manifest
from migrator.model.ref import ObjectRef

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(slots=True, frozen=True)
class GreenFacts:
    """What green offers, read once before planning."""

    served_groups: frozenset[str] = frozenset()
    service_networks: tuple[Network, ...] = ()
    """Ranges that cluster IPs come from; empty when green does not tell."""
    used_cluster_ips: dict[str, ObjectRef] = field(default_factory=dict)
    used_node_ports: dict[int, ObjectRef] = field(default_factory=dict)
    storage_classes: frozenset[str] = frozenset()


@dataclass(slots=True, frozen=True)
class BlueFacts:
    """What has to be known of all of blue before one object can be judged."""

    uids: dict[str, ObjectRef] = field(default_factory=dict)
    """UID of each object that was read, to find owners."""
    staying: frozenset[ObjectRef] = frozenset()
    """Objects that do not travel: references to them as owners are dropped."""
    selector_services: frozenset[tuple[str, str]] = frozenset()
    """(namespace, name) of Services with a selector: their endpoints are regenerated."""
    scaled: frozenset[ObjectRef] = frozenset()
    """Workloads whose replicas an autoscaler sets."""
    moving_volumes: frozenset[str] = frozenset()
    """PersistentVolumes that travel with their claim."""
    storage_classes: frozenset[str] = frozenset()
    """StorageClasses that travel."""
    groups: frozenset[str] = frozenset()
    """API groups whose CRDs travel."""
    aggregated_groups: frozenset[str] = frozenset()
    """API groups served by an aggregated API server."""


@dataclass(slots=True, frozen=True)
class RuleContext:
    """Everything that rules may look at."""

    config: Migration
    green: GreenFacts = field(default_factory=GreenFacts)
    blue: BlueFacts = field(default_factory=BlueFacts)
    fenced_cronjobs: frozenset[ObjectRef] = frozenset()
    """CronJobs that this tool suspended on blue at a cutover."""

    def green_namespace(self, namespace: str) -> str:
        """Return the namespace's name on green."""
        return self.config.map.namespaces.get(namespace, namespace)


class Rule(NamedTuple):
    """One thing that copying gets right."""

    name: str
    """Shown in the plan beside each object that the rule changes."""
    apply: Callable[[Manifest, RuleContext], Manifest]
    types: frozenset[str] | None = None
    """`Kind.group` that it is for; None: all."""


class Hindrance(NamedTuple):
    """Why an object cannot move, and what to do about it."""

    reason: str
    cure: str
