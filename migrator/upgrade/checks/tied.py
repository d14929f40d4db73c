"""Pods that can run on their own node alone, because of where their data lies or by the name that they ask for; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import Manifest, get
from migrator.model.pods import admits, claims_of, decisions, pod_name
from migrator.model.verdict import CheckName, Finding
from migrator.upgrade.checks.finding import warn

_HOSTNAME = "kubernetes.io/hostname"
Volumes = Mapping[tuple[str, str], Manifest]
"""Namespace and name of a claim to its volume."""


def pods_of_one_node(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find pods that are down while their node is away, as they can run nowhere else."""
    nodes = {node["metadata"]["name"]: node for node in facts.cluster.nodes}
    volumes, drained = bound_volumes(facts), set(facts.to_drain)
    for item in decisions(facts.cluster.pods, facts.drain):
        node = nodes.get(get(item.pod, "spec", "nodeName") or "")
        if item.stays or not node or node["metadata"]["name"] not in drained:
            continue
        reason = tied(item.pod, node, facts.cluster.nodes, volumes) or _left_behind(item.pod, volumes)
        if reason:
            yield warn(
                CheckName.LOCAL_DATA,
                pod_name(item.pod),
                f"{reason}: in each hop it is down from the drain of {node['metadata']['name']} until that node is back",
            )


def tied(pod: Manifest, node: Manifest, nodes: Iterable[Manifest], volumes: Volumes) -> str:
    """Return why a pod can run on no other node than its own, empty when it can, or when something else is the reason."""
    others = [other for other in nodes if other is not node]
    for claim in claims_of(pod):
        volume = volumes.get(claim) or {}
        terms = get(volume, "spec", "nodeAffinity", "required", "nodeSelectorTerms")
        if terms and others and not any(admits(term, other) for term in terms for other in others):
            return f"its volume {volume['metadata']['name']} lies on its node"
    if others and not any(_asks_by_name(pod, other) for other in others):
        return "it asks for its node by name"
    return ""


def bound_volumes(facts: UpgradeFacts) -> dict[tuple[str, str], Manifest]:
    """Return the volumes by their claims."""
    return {
        (get(volume, "spec", "claimRef", "namespace") or "", get(volume, "spec", "claimRef", "name") or ""): volume
        for volume in facts.cluster.volumes
    }


def _left_behind(pod: Manifest, volumes: Volumes) -> str:
    """Return which volume stays on the node although nothing keeps the pod there: it finds an empty folder elsewhere."""
    for claim in claims_of(pod):
        volume = volumes.get(claim)
        if volume and ("local" in volume["spec"] or "hostPath" in volume["spec"]) and not get(volume, "spec", "nodeAffinity"):
            return f"its volume {volume['metadata']['name']} lies on its node, and does not say so: elsewhere its folder is empty"
    return ""


def _asks_by_name(pod: Manifest, node: Manifest) -> bool:
    """Return whether a node is one of those that a pod asks for by name; True for a pod that asks for none."""
    name = (node["metadata"].get("labels") or {}).get(_HOSTNAME, node["metadata"]["name"])
    if (get(pod, "spec", "nodeSelector") or {}).get(_HOSTNAME, name) != name:
        return False
    required = get(pod, "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    if not required:
        return True
    named = [
        {
            "matchExpressions": [item for item in term.get("matchExpressions") or [] if item["key"] == _HOSTNAME],
            "matchFields": term.get("matchFields") or [],
        }
        for term in required
    ]
    return any(not any(term.values()) or admits(term, node) for term in named)
