"""What an object does to others once it is written, and so when it is written.

References between objects say what needs what; this says what acts on others without a reference: a Service that asks for
a number or an address that another one could be given, a LimitRange that refuses what exceeds it already, a kind that makes pods.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from migrator.model.manifest import POD_TEMPLATES, Manifest, containers, get, pod_spec
from migrator.model.quantity import amount
from migrator.model.ref import ObjectRef
from migrator.rules.context import RuleContext
from migrator.rules.order import Rank
from migrator.rules.pool_addresses import asks

LIMITS = frozenset({"LimitRange", "ResourceQuota"})
"""Kinds that refuse what exceeds them."""
_LEVEL = "pod-security.kubernetes.io/enforce"
Limits = Mapping[str, Sequence[tuple[ObjectRef, Sequence[Manifest]]]]
"""LimitRanges on green, by namespace: which, and its `spec.limits`."""


def rank(manifest: Manifest, ref: ObjectRef, custom_kinds: Collection[tuple[str, str]]) -> Rank | None:
    """Return when green's manifest of an object is written, or None where its kind alone says so."""
    if ref.type_name in POD_TEMPLATES:
        return Rank.PODS
    if (ref.group, ref.kind) in custom_kinds:
        return Rank.CUSTOM
    if ref.type_name == "Service":
        return _rank_of_service(manifest)
    return None


def _rank_of_service(service: Manifest) -> Rank | None:
    """Return EARLY where a Service asks for what another could be given: a number, or an address of a pool.

    One that takes any address is written after the pools: a controller gives it the one that another asks for (metallb#1984).
    """
    if get(service, "spec", "type") == "LoadBalancer":
        return Rank.EARLY if asks(service) or _asks_for_a_number(service) else Rank.PODS
    return Rank.EARLY if _asks_for_a_number(service) else None


def _asks_for_a_number(service: Manifest) -> bool:
    ports = get(service, "spec", "ports") or []
    return get(service, "spec", "clusterIP") not in (None, "", "None") or any(port.get("nodePort") for port in ports)


def limits_on_green(context: RuleContext) -> Limits:
    """Return the LimitRanges that move, by their namespace on green; read once for all objects of a plan."""
    found: dict[str, list[tuple[ObjectRef, list[Manifest]]]] = {}
    for blue, name, spec in sorted(context.blue.limits):
        namespace = context.green_namespace(blue)
        found.setdefault(namespace, []).append((ObjectRef("", "LimitRange", namespace, name), json.loads(spec)))
    return found


def refusing_limits(manifest: Manifest, ref: ObjectRef, limits: Limits) -> list[ObjectRef]:
    """Return the LimitRanges, as named on green, that would refuse this object or its pods, although it is on blue.

    Admission asks a LimitRange at a create only: what was there before it stays. Source: plugin/pkg/admission/limitranger.
    """
    found = limits.get(ref.namespace)
    if not found:
        return []
    wanted = list(_wanted(manifest, ref))
    return [
        ranges for ranges, items in found if any(_refuses(limit, kind, resources) for limit in items for kind, resources in wanted)
    ]


def is_exceeded(manifest: Manifest, ref: ObjectRef) -> bool:
    """Return whether a ResourceQuota of blue allows less than blue uses: it came, or was lowered, after the objects."""
    if ref.type_name != "ResourceQuota":
        return False
    hard, used = (get(manifest, "status", name) or {} for name in ("hard", "used"))
    return any(amount(used[name]) > amount(bound) for name, bound in hard.items() if name in used)


def late_labels(namespace: Manifest) -> tuple[str, ...]:
    """Return the labels of a namespace that refuse new pods by their security level, whatever runs in it already.

    Source: kubernetes.io/docs/concepts/security/pod-security-admission.
    """
    labels = get(namespace, "metadata", "labels") or {}
    if labels.get(_LEVEL, "privileged") == "privileged":
        return ()
    return tuple(name for name in (_LEVEL, f"{_LEVEL}-version") if name in labels)


def _wanted(manifest: Manifest, ref: ObjectRef) -> Iterator[tuple[str, Manifest]]:
    """Yield (type of a LimitRange's item, resources) of all that such an item judges."""
    if ref.type_name == "PersistentVolumeClaim":
        yield "PersistentVolumeClaim", get(manifest, "spec", "resources") or {}
    spec = pod_spec(manifest)
    each = [container.get("resources") or {} for container in containers(spec)] if spec else []
    for resources in each:
        yield "Container", resources
    if each:
        yield "Pod", {"requests": _sum(each, "requests"), "limits": _sum(each, "limits")}


def _sum(each: list[Manifest], field: str) -> dict[str, float]:
    total: dict[str, float] = {}
    for resources in each:
        for name, value in (resources.get(field) or {}).items():
            total[name] = total.get(name, 0.0) + amount(value)
    return total


def _refuses(limit: Manifest, kind: str, resources: Manifest) -> bool:
    if limit.get("type") != kind:
        return False
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    most = requests if kind == "PersistentVolumeClaim" else limits
    return any(_beyond(limit.get("max"), most, 1)) or any(_beyond(limit.get("min"), requests, -1))


def _beyond(bounds: Any, values: Manifest, sign: int) -> Iterator[bool]:
    for name, bound in (bounds or {}).items():
        if name in values:
            yield sign * (amount(values[name]) - amount(bound)) > 0
