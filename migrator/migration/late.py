"""Plan what comes last: what would refuse pods that blue has, because it came to blue after them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import orjson

from migrator.model.manifest import POD_TEMPLATES
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from migrator.rules.effects import late_labels

# Kinds with a pod template whose pods are not made at once.
_MAKE_NO_PODS = frozenset({"CronJob.batch", "PodTemplate"})

Moves = Mapping[ObjectRef, PlanItem]
AfterPods = dict[ObjectRef, tuple[ObjectRef, ...]]


def after_pods(moves: Moves, exceeded: Collection[ObjectRef]) -> tuple[dict[ObjectRef, PlanItem], AfterPods]:
    """Return the items that come last, with a note, and for each the workloads whose pods are made before it.

    `exceeded`: limits that exceed, or would exceed, what their namespace holds.
    """
    makers: dict[str, list[ObjectRef]] = {}
    for ref in moves:
        if ref.type_name in POD_TEMPLATES and ref.type_name not in _MAKE_NO_PODS:
            makers.setdefault(ref.namespace, []).append(ref)
    limits = {ref: _limit(moves[ref]) for ref in exceeded if ref in moves}
    namespaces = {ref: _namespace(item) for ref, item in moves.items() if ref.type_name == "Namespace" and ref.name in makers}
    changed = limits | {ref: item for ref, item in namespaces.items() if item.late_labels}
    return changed, {ref: _controllers(makers.get(ref.namespace or ref.name, [])) for ref in changed}


def _controllers(makers: list[ObjectRef]) -> tuple[ObjectRef, ...]:
    """Return those that make pods some time after they are written."""
    return tuple(ref for ref in makers if ref.type_name != "Pod")


def _limit(item: PlanItem) -> PlanItem:
    return replace(item, notes=(*item.notes, "is written last: objects that are there already exceed it"))


def _namespace(item: PlanItem) -> PlanItem:
    labels = late_labels(orjson.loads(item.body))
    if not labels:
        return item
    note = f"gets its label {labels[0]} once the pods are made: pods of blue may be older than the label, and exceed it"
    return replace(item, late_labels=labels, notes=(*item.notes, note))
