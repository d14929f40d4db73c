"""Runs that have ended on blue, and that nothing keeps from beginning again on green while their status is not written yet.

So is what an operator outside knows by its status alone.
"""

from __future__ import annotations

from dataclasses import replace

from migrator.migration.inventory import GreenReading
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.rules import identities

_LATE = "has ended, and its controller may be on green already: it could begin again before its status is written (see `runs`)"


def without_late_runs(plan: Plan, green: GreenReading) -> Plan:
    """Return the plan without runs that have ended and that a controller on green would carry out before it sees their end."""
    left = {item.green: "" for item in plan.of(Decision.MOVE) if item.unheld and item.green not in green.live}
    if not left:
        return plan
    for item in (item for wave in plan.waves for item in wave):
        owner = next((owner for owner in plan.owners.get(item.green, ()) if owner in left), None)
        if owner and item.green not in left:
            left[item.green] = str(owner)

    def judged(item: PlanItem) -> PlanItem:
        if item.decision is not Decision.MOVE or item.green not in left:
            return item
        owner = left[item.green]
        reason = f"needs {owner}, which is left out" if owner else identities.late(item.green.type_name) or _LATE
        return PlanItem(item.blue, item.green, Decision.SKIP, reason, uid=item.uid)

    waves = (tuple(item for item in wave if item.green not in left) for wave in plan.waves)
    return replace(plan, items=tuple(map(judged, plan.items)), waves=tuple(wave for wave in waves if wave))
