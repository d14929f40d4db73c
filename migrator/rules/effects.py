"""What an object does to others once it is written, and so when it is written.

References between objects say what needs what; this says what acts on others without a reference: a Service that asks for
a number or an address that another one could be given, a quota that refuses what exceeds it already, a kind that makes pods.
"""

from __future__ import annotations

from migrator.model.manifest import POD_TEMPLATES, Manifest, get, is_custom_group
from migrator.model.quantity import amount
from migrator.model.ref import ObjectRef
from migrator.rules.order import Rank
from migrator.rules.pool_addresses import asks

LIMITS = frozenset({"LimitRange", "ResourceQuota"})
"""Kinds that refuse what exceeds them."""
_LEVEL = "pod-security.kubernetes.io/enforce"


def rank(manifest: Manifest, ref: ObjectRef) -> Rank | None:
    """Return when green's manifest of an object is written, or None where its kind alone says so."""
    if ref.type_name in POD_TEMPLATES:
        return Rank.PODS
    if is_custom_group(ref.group):
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
