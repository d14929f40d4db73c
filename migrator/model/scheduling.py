"""Which nodes a pod may run on, by what pod and node say themselves: the filters of the scheduler that need no other pods; pure.

Source: kubernetes.io/docs/reference/scheduling/config (NodeUnschedulable, TaintToleration, NodeAffinity).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrator.model.manifest import Manifest, get
from migrator.model.pods import admits

# PreferNoSchedule keeps no pod away.
_BLOCKING = ("NoSchedule", "NoExecute")
# What the scheduler makes of `spec.unschedulable` (its filter NodeUnschedulable).
_CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def is_open(node: Manifest) -> bool:
    """Return whether a node takes new pods: it is Ready, and not cordoned."""
    conditions = get(node, "status", "conditions") or []
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
    return ready and not get(node, "spec", "unschedulable")


def tolerates_cordon(spec: Manifest) -> bool:
    """Return whether pods of this spec run on a cordoned node, too: drained, they come back to it (cilium#28549)."""
    return any(_tolerates(item, _CORDON) for item in spec.get("tolerations") or [])


def taint_against(spec: Manifest, node: Manifest) -> str:
    """Return the key of a taint that keeps pods of this spec away; empty where there is none."""
    tolerations = spec.get("tolerations") or []
    for taint in get(node, "spec", "taints") or []:
        if taint["effect"] in _BLOCKING and not any(_tolerates(item, taint) for item in tolerations):
            return str(taint["key"])
    return ""


def selects(spec: Manifest, node: Manifest) -> bool:
    """Return whether node selector and affinity of a pod's spec take a node."""
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    required = get(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    # Terms are alternatives; requirements within one must all hold (core/v1, NodeSelector).
    return not required or any(admits(term, node) for term in required)


def may_run(spec: Manifest, node: Manifest) -> bool:
    """Return whether neither a taint nor the spec itself keeps its pods away from a node, whatever state the node is in."""
    return selects(spec, node) and not taint_against(spec, node)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    # An empty key with Exists tolerates all (core/v1, Toleration).
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint["key"]:
        return False
    operator, value, given = toleration.get("operator"), str(toleration.get("value", "")), str(taint.get("value", ""))
    if operator in ("Lt", "Gt"):  # numbers (KEP-5471); what is none tolerates nothing
        try:
            return int(given) < int(value) if operator == "Lt" else int(given) > int(value)
        except ValueError:
            return False
    return operator == "Exists" or value == given
