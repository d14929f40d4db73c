"""Custom kinds whose conversion webhook does not answer: what could be read at one version cannot be written where it is asked."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from migrator.model.manifest import get
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from migrator.rules.context import Hindrance, RuleContext
from migrator.rules.versions import Kind

_ASKED = Hindrance(
    "its conversion webhook does not answer on blue, and green would ask the same one",
    "repair it; or set spec.conversion of the CRD to {strategy: None} by a transform; or leave the kind with move.kinds.exclude",
)


def hindrances(
    moves: Mapping[ObjectRef, PlanItem], crds: Mapping[Kind, ObjectRef], context: RuleContext
) -> dict[ObjectRef, Hindrance]:
    """Return the objects that green would ask a dead webhook about; none where the CRD goes without one there."""
    dead = context.blue.dead_conversions
    if not dead:
        return {}
    asked = {kind for kind, crd in crds.items() if f"{kind[1]}.{kind[0]}" in dead and crd in moves and _asks(moves[crd])}
    return {ref: _ASKED for ref in moves if (ref.group, ref.kind) in asked}


def _asks(crd: PlanItem) -> bool:
    return bool(get(orjson.loads(crd.body), "spec", "conversion", "strategy") == "Webhook")
