"""Webhooks and APIServices that nothing on green answers for: the API server there would refuse what they are for.

Their Service neither moves nor is on green, or its pods are held there until the cutover.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import orjson

from migrator.model.manifest import get
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from migrator.model.strange import STRANGE
from migrator.rules.context import Hindrance, RuleContext
from migrator.rules.one_side.recognise import held_labels
from migrator.rules.one_side.table import WORKLOADS
from migrator.rules.webhooks import strict_backends

GROUPS = frozenset({"admissionregistration.k8s.io", "apiregistration.k8s.io"})
"""Groups whose objects refuse or break requests while the Service behind them has no endpoint."""
_HINT = (
    "move its backend too, or install it on green; what is as dead on blue: delete it there, or leave it with move.objects.exclude"
)
_HELD_HINT = (
    "leave it out with move.objects.exclude and apply it to green after the cutover; or let its backend run on both sides: "
    "cutover.oneSide with hold: both"
)


def hindrances(moves: Mapping[ObjectRef, PlanItem], context: RuleContext) -> dict[ObjectRef, Hindrance]:
    """Return the objects that nothing on green would answer for; none where green's Services are not known."""
    found = {}
    for ref, item in moves.items():
        if ref.group in GROUPS:
            with suppress(*STRANGE):
                for service in strict_backends(orjson.loads(item.body)):
                    if hindrance := _hindrance(service, moves, context):
                        found[ref] = hindrance
    return found


def _hindrance(service: ObjectRef, moves: Mapping[ObjectRef, PlanItem], context: RuleContext) -> Hindrance | None:
    if service not in moves:
        # Empty where green's Services are not known: each API server has one for itself.
        lacking = context.green.services and service not in context.green.services
        return Hindrance(f"its backend {service} neither moves nor is on green", _HINT) if lacking else None
    selector = get(orjson.loads(moves[service].body), "spec", "selector") or {}
    held = [
        item.one_side is not None and item.one_side.part is not None and item.blue not in context.handed
        for ref, item in moves.items()
        if selector and ref.namespace == service.namespace and ref.type_name in WORKLOADS
        if selector.items() <= held_labels(orjson.loads(item.body)).items()
    ]
    return Hindrance(f"its backend {service} is held on green until the cutover", _HELD_HINT) if held and all(held) else None
