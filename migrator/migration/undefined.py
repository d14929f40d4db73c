"""What cannot be written to green because what it needs there is blocked: its definition, or its owners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from migrator.model.plan import Decision, PlanItem
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


def orphans(
    needs: Mapping[ObjectRef, Mapping[ObjectRef, bool]], owned: Mapping[ObjectRef, PlanItem], others: Iterable[PlanItem]
) -> dict[ObjectRef, Hindrance]:
    """Return why these objects cannot be written: blue's garbage collector deletes them with a bare pod that is blocked."""
    pods = {item.green for item in others if item.decision is Decision.BLOCKED and item.blue.type_name == "Pod"}
    lost = {ref: next((need for need, hard in needs[ref].items() if hard and need in pods), None) for ref in owned} if pods else {}
    return {
        ref: Hindrance(f"its owner {pod} is blocked", "see what the plan says of the owner") for ref, pod in lost.items() if pod
    }
