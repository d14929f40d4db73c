"""Webhooks and APIServices whose Service neither moves nor is on green: the API server there would refuse what they are for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import orjson

from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from migrator.model.strange import STRANGE
from migrator.rules.context import Hindrance, RuleContext
from migrator.rules.webhooks import strict_backends

GROUPS = frozenset({"admissionregistration.k8s.io", "apiregistration.k8s.io"})
"""Groups whose objects refuse or break requests while the Service behind them has no endpoint."""
_HINT = (
    "move its backend too, or install it on green; what is as dead on blue: delete it there, or leave it with move.objects.exclude"
)


def hindrances(moves: Mapping[ObjectRef, PlanItem], context: RuleContext) -> dict[ObjectRef, Hindrance]:
    """Return the objects that nothing on green would answer for; none where green's Services are not known."""
    if not context.green.services:
        return {}
    found = {}
    for ref, item in moves.items():
        if ref.group in GROUPS:
            with suppress(*STRANGE):
                for service in strict_backends(orjson.loads(item.body)):
                    if service not in moves and service not in context.green.services:
                        found[ref] = Hindrance(f"its backend {service} neither moves nor is on green", _HINT)
    return found
