"""Whether the Eviction API lets a pod go: its own order of questions (pkg/registry/core/pod/storage/eviction.go); pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migrator.model.manifest import Manifest, get
from migrator.model.pods import controller_of, is_ready, matches

# Group and kind of controllers that end a budget by themselves once the node of its pod is cordoned: Longhorn when no volume is
# attached there any more (longhorn#5680, longhorn#1286), CloudNativePG when it has another primary (its docs, kubernetes_upgrade).
_OF_THE_NODE = ("longhorn.io", "InstanceManager")
_OF_A_PRIMARY = frozenset({("postgresql.cnpg.io", "Cluster"), ("postgresql.k8s.enterprisedb.io", "Cluster")})
# Phases of pods that are evicted whatever a budget says.
_NEVER_WAIT = frozenset({"Succeeded", "Failed", "Pending"})


@dataclass(slots=True, frozen=True)
class Held:
    """Why a pod may not go now."""

    budgets: tuple[str, ...]
    """`namespace/name` of the budgets that hold it."""
    reason: str
    for_ever: bool = False
    """Whether waiting is of no use."""


def selects(budget: Mapping[str, Any], pod: Manifest) -> bool:
    """Return whether a budget counts a pod; an empty selector of policy/v1 counts all of its namespace."""
    selector = get(dict(budget), "spec", "selector")
    return selector is not None and matches(selector, pod["metadata"].get("labels") or {})


def held(pod: Manifest, budgets: Iterable[Manifest]) -> Held | None:
    """Return what holds a pod, None when it may go."""
    if get(pod, "status", "phase") in _NEVER_WAIT or get(pod, "metadata", "deletionTimestamp"):
        return None
    namespace = pod["metadata"]["namespace"]
    of_pod = [item for item in budgets if item["metadata"]["namespace"] == namespace and selects(item, pod)]
    names = tuple(f"{namespace}/{item['metadata']['name']}" for item in of_pod)
    if len(of_pod) > 1:
        return Held(names, "the Eviction API refuses a pod that has more than one budget (answer 500)", for_ever=True)
    if not of_pod or _goes_ill(pod, of_pod[0]):
        return None
    status = of_pod[0].get("status") or {}
    if int(status.get("disruptionsAllowed") or 0) > 0:
        return None
    healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    return Held(names, f"allows no disruption ({healthy} healthy, {wanted} must be)")


def released_by(pod: Manifest, reason: Held, pods: Iterable[Manifest]) -> str:
    """Return who ends the budget that holds a pod as soon as its node is cordoned; empty where nobody does."""
    owner = controller_of(pod)
    kind = _kind_of(owner)
    if reason.for_ever or owner is None or not (belongs_to_node(pod) or kind in _OF_A_PRIMARY):
        return ""
    if kind in _OF_A_PRIMARY:
        labels = pod["metadata"].get("labels") or {}
        primary = any(key.endswith("/instanceRole") and value == "primary" for key, value in labels.items())
        ours = (other for other in pods if (controller_of(other) or {}).get("uid") == owner.get("uid"))
        standby = any(is_ready(other) and get(other, "spec", "nodeName") != get(pod, "spec", "nodeName") for other in ours)
        if not (primary and standby):
            return ""
    return f"{owner['kind']} {owner.get('name')}"


def belongs_to_node(pod: Manifest) -> bool:
    """Return whether a pod's controller makes it for its node alone, without the scheduler, as a DaemonSet's is."""
    return _kind_of(controller_of(pod)) == _OF_THE_NODE


def _kind_of(owner: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return group and kind of an owner."""
    return (str((owner or {}).get("apiVersion", "")).partition("/")[0], str((owner or {}).get("kind", "")))


def _goes_ill(pod: Manifest, budget: Manifest) -> bool:
    """Return whether a pod that is not Ready may go as such (KEP-3017): always, or while enough others are healthy."""
    if is_ready(pod):
        return False
    if get(budget, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    wanted = int(status.get("desiredHealthy") or 0)
    return 0 < wanted <= int(status.get("currentHealthy") or 0)
