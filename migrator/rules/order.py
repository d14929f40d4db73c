"""Sort objects into waves by their references: an object needs only objects of earlier waves.

Kinds that can refuse or block other objects are written after those objects: disruption budgets, then quotas, then
webhooks, admission policies and APIServices.
"""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise, zip_longest
from typing import NamedTuple

from migrator.model.ref import ObjectRef

_ADMISSION = "admissionregistration.k8s.io"
_LATE = {
    "PodDisruptionBudget.policy": 1,
    "ResourceQuota": 2,
    f"ValidatingAdmissionPolicy.{_ADMISSION}": 3,
    f"MutatingAdmissionPolicy.{_ADMISSION}": 3,
    f"ValidatingAdmissionPolicyBinding.{_ADMISSION}": 4,
    f"MutatingAdmissionPolicyBinding.{_ADMISSION}": 4,
    f"ValidatingWebhookConfiguration.{_ADMISSION}": 4,
    f"MutatingWebhookConfiguration.{_ADMISSION}": 4,
    "APIService.apiregistration.k8s.io": 4,
}
_EARLY = frozenset({"Namespace", "CustomResourceDefinition.apiextensions.k8s.io", "LimitRange", "PriorityClass.scheduling.k8s.io"})
"""Kinds that other objects need without a reference: a LimitRange, for example, acts on pods at admission."""

Graph = dict[ObjectRef, dict[ObjectRef, bool]]
"""For each object the objects that it refers to, and whether the reference is hard."""


class Order(NamedTuple):
    """Waves, and the cycles of hard references that no order can satisfy."""

    waves: list[list[ObjectRef]]
    cycles: list[list[ObjectRef]]


def into_waves(graph: Graph) -> Order:
    """Return the objects of the graph in waves; references to objects outside of the graph are ignored."""
    edges = {
        ref: {target: hard for target, hard in targets.items() if target in graph and target != ref}
        for ref, targets in graph.items()
    }
    cycles: list[list[ObjectRef]] = []
    while True:
        sorter = TopologicalSorter({ref: list(targets) for ref, targets in edges.items()})
        try:
            sorter.prepare()
        except CycleError as error:
            # CycleError lists the cycle so that each node is a predecessor of the next one.
            cycle: list[ObjectRef] = error.args[1]
            if not _loosen(edges, cycle):
                cycles.append(cycle[:-1])
                for ref in cycle[:-1]:
                    edges.pop(ref, None)
                for targets in edges.values():
                    for ref in cycle:
                        targets.pop(ref, None)
            continue
        return Order(_ranked(_ready_batches(sorter)), cycles)


def _loosen(edges: Graph, cycle: list[ObjectRef]) -> bool:
    """Remove one soft reference from a cycle; return False when all references of the cycle are hard."""
    for before, after in pairwise(cycle):
        if edges.get(after, {}).get(before) is False:
            del edges[after][before]
            return True
    return False


def _ready_batches(sorter: TopologicalSorter[ObjectRef]) -> Iterable[list[ObjectRef]]:
    while sorter.is_active():
        batch = list(sorter.get_ready())
        yield batch
        sorter.done(*batch)


def _ranked(batches: Iterable[list[ObjectRef]]) -> list[list[ObjectRef]]:
    """Return the batches with the early kinds in waves before, and the late kinds in waves after, all others."""
    table: dict[tuple[int, int], list[ObjectRef]] = {}
    for depth, batch in enumerate(batches):
        for ref in batch:
            rank = -1 if ref.type_name in _EARLY else _LATE.get(ref.type_name, 0)
            table.setdefault((rank, depth), []).append(ref)
    return [_mixed(table[key]) for key in sorted(table)]


def _mixed(refs: list[ObjectRef]) -> list[ObjectRef]:
    """Return the objects with their kinds interleaved, because the API server writes some kinds slowly."""
    kinds: dict[str, list[ObjectRef]] = {}
    for ref in sorted(refs):
        kinds.setdefault(ref.type_name, []).append(ref)
    return [ref for row in zip_longest(*kinds.values()) for ref in row if ref is not None]
