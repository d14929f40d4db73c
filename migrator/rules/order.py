"""Sort objects into waves by their references: an object needs only objects of earlier waves.

Kinds that act on others without a reference have a rank: what changes pods comes before the pods, what can refuse or block
other objects after those objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from graphlib import TopologicalSorter
from itertools import zip_longest
from typing import NamedTuple

from migrator.model.ref import ObjectRef

_ADMISSION = "admissionregistration.k8s.io"


class Rank(IntEnum):
    """When an object is written, before its references are looked at."""

    EARLY = 0
    """Others need it without a reference, or could take its place."""
    PLAIN = 1
    """Does nothing to others."""
    MUTATING = 2
    """Changes pods when they are made: policies, and webhooks whose backend works on blue."""
    CUSTOM = 3
    """Means whatever its controller makes of it: a certificate that is ordered, a policy that changes pods.

    What it would make anew is there before it.
    """
    PODS = 4
    """Makes pods, or takes any address of a pool; the same as PLAIN where nothing is MUTATING or CUSTOM."""
    BUDGET = 5
    """Keeps pods from being evicted."""
    LIMIT = 6
    """Refuses what exceeds it, or fills in what is left open."""
    VALIDATING = 7
    """Says what is refused, and does nothing before it is bound."""
    ASKING = 8
    """Asks a server that may not answer yet."""


MUTATING_POLICIES = frozenset({f"MutatingAdmissionPolicy.{_ADMISSION}", f"MutatingAdmissionPolicyBinding.{_ADMISSION}"})
RANKS = {
    "Namespace": Rank.EARLY,
    "CustomResourceDefinition.apiextensions.k8s.io": Rank.EARLY,
    "LimitRange": Rank.EARLY,  # gives pods their defaults
    "PriorityClass.scheduling.k8s.io": Rank.EARLY,
    **dict.fromkeys(MUTATING_POLICIES, Rank.MUTATING),
    "PodDisruptionBudget.policy": Rank.BUDGET,
    "ResourceQuota": Rank.LIMIT,
    f"ValidatingAdmissionPolicy.{_ADMISSION}": Rank.VALIDATING,
    f"ValidatingAdmissionPolicyBinding.{_ADMISSION}": Rank.ASKING,
    f"ValidatingWebhookConfiguration.{_ADMISSION}": Rank.ASKING,
    f"MutatingWebhookConfiguration.{_ADMISSION}": Rank.ASKING,
    "APIService.apiregistration.k8s.io": Rank.ASKING,
}

Graph = dict[ObjectRef, dict[ObjectRef, bool]]
"""For each object the objects that it refers to, and whether the reference is hard."""


class Order(NamedTuple):
    """Waves, and what no order can satisfy."""

    waves: list[list[ObjectRef]]
    cycles: list[list[ObjectRef]]
    """Objects that need each other, each group in the order of its names."""


def into_waves(graph: Graph, ranks: Mapping[ObjectRef, Rank] | None = None) -> Order:
    """Return the objects of the graph in waves; references to objects outside of the graph are ignored.

    `ranks` has the objects whose rank is another than that of their kind. The time grows with the number of references,
    whatever refers to whatever.
    """
    edges = {
        ref: {target: hard for target, hard in targets.items() if target in graph and target != ref}
        for ref, targets in graph.items()
    }
    hard = {ref: [target for target, needed in targets.items() if needed] for ref, targets in edges.items()}
    # Hard references only: what a soft one points to may come later.
    cycles = [sorted(group) for group in _components(hard) if len(group) > 1]
    # Nobody can write these; what refers to them is written, and waits for them on green.
    blocked = {ref for cycle in cycles for ref in cycle}
    left = {
        ref: {target: needed for target, needed in targets.items() if target not in blocked}
        for ref, targets in edges.items()
        if ref not in blocked
    }
    sorter = TopologicalSorter(_without_cycles(left))
    sorter.prepare()
    return Order(_ranked(_ready_batches(sorter), left, ranks or {}), cycles)


def _without_cycles(edges: Graph) -> dict[ObjectRef, list[ObjectRef]]:
    """Return the references without the soft ones between objects that refer to each other in a circle."""
    groups = _components({ref: list(targets) for ref, targets in edges.items()})
    number = {ref: index for index, group in enumerate(groups) for ref in group}
    return {
        ref: [target for target, needed in targets.items() if needed or number[target] != number[ref]]
        for ref, targets in edges.items()
    }


def _components(edges: Mapping[ObjectRef, Sequence[ObjectRef]]) -> list[list[ObjectRef]]:
    """Return the strongly connected components (Tarjan 1972), with a stack of its own in place of recursion."""
    found: list[list[ObjectRef]] = []
    index: dict[ObjectRef, int] = {}
    lowest: dict[ObjectRef, int] = {}
    open_refs: dict[ObjectRef, None] = {}
    for root in edges:
        path = [(root, iter(edges[root]))] if root not in index else []
        while path:
            ref, targets = path[-1]
            if ref not in index:
                index[ref] = lowest[ref] = len(index)
                open_refs[ref] = None
            following = next((target for target in targets if target not in index or target in open_refs), None)
            if following is None:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[ref])
                if lowest[ref] == index[ref]:
                    found.append(_closed(open_refs, ref))
            elif following in index:
                lowest[ref] = min(lowest[ref], index[following])
            else:
                path.append((following, iter(edges[following])))
    return found


def _closed(open_refs: dict[ObjectRef, None], root: ObjectRef) -> list[ObjectRef]:
    """Take the component that begins with `root` off the end."""
    group: list[ObjectRef] = []
    while not group or group[-1] != root:
        group.append(open_refs.popitem()[0])
    return group


def _ready_batches(sorter: TopologicalSorter[ObjectRef]) -> Iterable[list[ObjectRef]]:
    while sorter.is_active():
        batch = list(sorter.get_ready())
        yield batch
        sorter.done(*batch)


def _ranked(batches: Iterable[list[ObjectRef]], edges: Graph, ranks: Mapping[ObjectRef, Rank]) -> list[list[ObjectRef]]:
    """Return the objects by rank, and by depth within a rank.

    An object is not written before what it needs; a soft reference to what blocks others gives way to the rank.
    """
    own = {ref: ranks.get(ref, RANKS.get(ref.type_name, Rank.PLAIN)) for ref in edges}
    apart = not {Rank.MUTATING, Rank.CUSTOM}.isdisjoint(own.values())
    final: dict[ObjectRef, Rank] = {}
    table: dict[tuple[Rank, int], list[ObjectRef]] = {}
    for depth, batch in enumerate(batches):
        for ref in batch:
            needed = [
                final[target] for target, hard in edges[ref].items() if target in final and (hard or final[target] < Rank.BUDGET)
            ]
            rank = Rank.PLAIN if own[ref] is Rank.PODS and not apart else own[ref]
            final[ref] = max(rank, *needed) if needed else rank
            table.setdefault((final[ref], depth), []).append(ref)
    return [_mixed(table[key]) for key in sorted(table)]


def _mixed(refs: list[ObjectRef]) -> list[ObjectRef]:
    """Return the objects with their kinds interleaved, because the API server writes some kinds slowly."""
    kinds: dict[str, list[ObjectRef]] = {}
    for ref in sorted(refs):
        kinds.setdefault(ref.type_name, []).append(ref)
    return [ref for row in zip_longest(*kinds.values()) for ref in row if ref is not None]
