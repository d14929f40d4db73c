"""Custom resources whose definition cannot be written to green: they have no path there, and a create ends with `not found`."""

from __future__ import annotations

from collections.abc import Mapping

from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from migrator.rules.context import Hindrance, RuleContext
from migrator.rules.versions import Kind


def hindrances(
    moves: Mapping[ObjectRef, PlanItem], crds: Mapping[Kind, ObjectRef], context: RuleContext
) -> dict[ObjectRef, Hindrance]:
    """Return why these objects cannot be written, by their name on green."""
    found = {}
    for ref in moves:
        crd = crds.get((ref.group, ref.kind))
        if crd and crd not in moves and ref.type_name not in context.green.served_kinds:
            reason = f"green does not know the kind: {crd} is blocked"
            found[ref] = Hindrance(reason, "see what the plan says of the definition")
    return found
