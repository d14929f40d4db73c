"""Where the pods of a drained node could go: the scheduler's own filters, worked out on what is free.

Filters (kubernetes.io/docs/reference/scheduling/config): NodeUnschedulable, TaintToleration, NodeAffinity, NodeResourcesFit,
NodePorts, InterPodAffinity, PodTopologySpread, VolumeBinding for volumes that are bound. Nothing is scored: it is asked whether
a place exists, and the emptiest is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrator.model.budgets import belongs_to_node
from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import Manifest, get
from migrator.model.pods import admits, claims_of, decisions, matches, pod_name
from migrator.model.requests import Amounts, amounts, requests
from migrator.model.scheduling import is_open, selects, taint_against, tolerates_cordon
from migrator.model.verdict import CheckName, Finding
from migrator.upgrade.checks.finding import fail
from migrator.upgrade.checks.tied import bound_volumes, tied

_ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - compared, not bound


@dataclass(slots=True)
class Place:
    """A node, and what is on it in the calculation."""

    node: Manifest
    pods: list[Manifest] = field(default_factory=list)
    open: bool = True
    """Whether pods may come."""

    @property
    def name(self) -> str:
        """The node's name."""
        return str(self.node["metadata"]["name"])

    @property
    def labels(self) -> dict[str, str]:
        """The node's labels."""
        return dict(self.node["metadata"].get("labels") or {})

    def free(self) -> Amounts:
        """Return what is left of the node: cores, bytes, pods and extended resources."""
        left = amounts(get(self.node, "status", "allocatable"))
        for pod in self.pods:
            for name, wanted in requests(pod).items():
                left[name] = left.get(name, 0) - wanted
        return left


def places(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find pods that have no other node to go to while theirs is drained."""
    state = [Place(node) for node in facts.cluster.nodes]
    by_name = {place.name: place for place in state}
    for pod in facts.cluster.pods:
        place = by_name.get(get(pod, "spec", "nodeName") or "")
        if place and get(pod, "status", "phase") not in ("Succeeded", "Failed"):
            place.pods.append(pod)
    for place in state:
        place.open = is_open(place.node)
    for name in facts.to_drain:
        if name in by_name:
            yield from _drained(by_name[name], state, facts)


def _drained(place: Place, state: list[Place], facts: UpgradeFacts) -> Iterator[Finding]:
    leaving = (item.pod for item in decisions(place.pods, facts.drain) if not item.stays and not item.refused)
    going = [pod for pod in leaving if not belongs_to_node(pod)]
    was_open, place.open = place.open, False
    volumes = bound_volumes(facts)
    # Large ones first: small ones fill the gaps, so that fewer pods are named without a need.
    for pod in sorted(going, key=lambda item: -requests(item).get("memory", 0)):
        place.pods.remove(pod)
        refusals = {other.name: why_not(pod, other, state, volumes) for other in state if other is not place}
        fitting = [other for other in state if other is not place and not refusals[other.name]]
        if fitting:
            # As the scheduler does by default: it prefers the node with most left (NodeResourcesFit, LeastAllocated).
            max(fitting, key=lambda other: other.free().get("memory", 0)).pods.append(pod)
            continue
        if not tolerates_cordon(pod["spec"]) and not tied(pod, place.node, facts.cluster.nodes, volumes):
            yield _homeless(pod, place.name, refusals)
        # It comes back once the node is.
        place.pods.append(pod)
    place.open = was_open


def _homeless(pod: Manifest, node: str, refusals: Mapping[str, str]) -> Finding:
    said = "; ".join(f"{name}: {reason}" for name, reason in refusals.items()) or "there is no other node"
    return fail(
        CheckName.SCHEDULING,
        pod_name(pod),
        f"has nowhere to go while {node} is drained ({said})",
        "add a spare node, or free what it needs; --ignore scheduling lets it wait until the node is back",
    )


def why_not(pod: Manifest, place: Place, state: list[Place], volumes: Mapping[tuple[str, str], Manifest]) -> str:
    """Return why a pod cannot run in a place, empty when it can."""
    if not place.open:
        return "cordoned or not Ready"
    if taint := taint_against(pod["spec"], place.node):
        return f"taint {taint}"
    if not selects(pod["spec"], place.node):
        return "its node selector or affinity does not match"
    free = place.free()
    for name, wanted in requests(pod).items():
        if wanted and wanted > free.get(name, 0):
            return f"not enough {name}"
    if any(_same_port(one, port) for one in _ports(pod) for other in place.pods for port in _ports(other)):
        return "host port taken"
    for claim in claims_of(pod):
        terms = get(volumes.get(claim) or {}, "spec", "nodeAffinity", "required", "nodeSelectorTerms")
        if terms and not any(admits(term, place.node) for term in terms):
            return f"its volume {claim[1]} lies elsewhere"
    return _pod_affinity(pod, place, state) or _spread(pod, place, state)


def _same_port(one: tuple[int, str, str], other: tuple[int, str, str]) -> bool:
    """Return whether two host ports are one: on the same address, or either on all of them."""
    return one[:2] == other[:2] and (one[2] == other[2] or "" in (one[2], other[2]))


def _ports(pod: Manifest) -> set[tuple[int, str, str]]:
    """Return port, protocol and address of what a pod takes of its node; native sidecars count as containers do."""
    sidecars = [item for item in pod["spec"].get("initContainers") or [] if item.get("restartPolicy") == "Always"]
    return {
        (port["hostPort"], port.get("protocol") or "TCP", (port.get("hostIP") or "").replace(_ALL_ADDRESSES, ""))
        for container in (*sidecars, *(pod["spec"].get("containers") or []))
        for port in container.get("ports") or []
        if port.get("hostPort")
    }


def _pod_affinity(pod: Manifest, place: Place, state: list[Place]) -> str:
    for term in _terms(pod, "podAntiAffinity"):
        if any(_selected(term, other, pod) for other in _domain(term["topologyKey"], place, state)):
            return f"anti-affinity by {term['topologyKey']}"
    # Anti-affinity is symmetric: pods that are there may refuse a new one (scheduler, InterPodAffinity).
    for other in (other for each in state for other in each.pods):
        for term in _terms(other, "podAntiAffinity"):
            if _selected(term, pod, other) and other in _domain(term["topologyKey"], place, state):
                return f"anti-affinity of {pod_name(other)}"
    for term in _terms(pod, "podAffinity"):
        everywhere = [other for each in state for other in each.pods if _selected(term, other, pod)]
        # The first of a group that wants to be together may go anywhere.
        if everywhere and not any(_selected(term, other, pod) for other in _domain(term["topologyKey"], place, state)):
            return f"affinity by {term['topologyKey']}"
    return ""


def _terms(pod: Manifest, kind: str) -> list[dict[str, Any]]:
    return list(get(pod, "spec", "affinity", kind, "requiredDuringSchedulingIgnoredDuringExecution") or [])


def _selected(term: Mapping[str, Any], candidate: Manifest, owner: Manifest) -> bool:
    # Without a selector of namespaces the pod's own one counts (core/v1, PodAffinityTerm).
    namespaces = term.get("namespaces") or [owner["metadata"]["namespace"]]
    if "namespaceSelector" not in term and candidate["metadata"]["namespace"] not in namespaces:
        return False
    return _labelled(term.get("labelSelector"), candidate)


def _labelled(selector: Mapping[str, Any] | None, pod: Manifest) -> bool:
    """Return whether a selector takes a pod; none takes nobody, an empty one all (core/v1, PodAffinityTerm)."""
    return selector is not None and matches(selector, pod["metadata"].get("labels") or {})


def _domain(key: str, place: Place, state: list[Place]) -> list[Manifest]:
    value = place.labels.get(key)
    return [pod for other in state if value is not None and other.labels.get(key) == value for pod in other.pods]


def _spread(pod: Manifest, place: Place, state: list[Place]) -> str:
    for constraint in pod["spec"].get("topologySpreadConstraints") or []:
        if constraint.get("whenUnsatisfiable", "DoNotSchedule") != "DoNotSchedule":
            continue
        key, selector = constraint["topologyKey"], constraint.get("labelSelector")
        counts: Counter[str] = Counter()
        for other in state:
            if key in other.labels and _counts(constraint, pod, other):
                same = [item for item in other.pods if item["metadata"]["namespace"] == pod["metadata"]["namespace"]]
                counts[other.labels[key]] += sum(_labelled(selector, item) for item in same)
        if key not in place.labels:
            return f"no label {key} to spread by"
        # The pod itself counts only where the selector takes it (scheduler, PodTopologySpread).
        if counts[place.labels[key]] + _labelled(selector, pod) - min(counts.values(), default=0) > constraint["maxSkew"]:
            return f"spread by {key} would be uneven"
    return ""


def _counts(constraint: Mapping[str, Any], pod: Manifest, place: Place) -> bool:
    """Return whether a node is one to spread over.

    A cordoned one is, unless nodeTaintsPolicy is Honor: a domain that has just emptied holds the others back.
    """
    return (place.open or constraint.get("nodeTaintsPolicy") != "Honor") and selects(pod["spec"], place.node)
