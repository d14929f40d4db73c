"""What takes its pods from another workload is recognised by what that runs, and held as one with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import orjson

from migrator.migration.one_side.planned import planned
from migrator.migration.one_side.scalers import on_blue
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from migrator.model.strange import STRANGE, to_json
from migrator.rules.context import RuleContext
from migrator.rules.one_side.borrowed import MARK, lender, with_template


def held_with_their_lenders(moves: Mapping[ObjectRef, PlanItem], context: RuleContext) -> dict[ObjectRef, PlanItem]:
    """Return, by name on green, the decisions about what takes its pods from a workload that moves, too."""
    borrowing = {green: item for green, item in moves.items() if MARK in item.body and not item.one_side}
    if not borrowing:
        return {}
    known = {item.blue: item for item in moves.values()}
    changed = {}
    for green, item in borrowing.items():
        try:
            lent = lender(on_blue(item))
            if lent in known:
                changed[green] = _judged(item, known[lent], context)
        except STRANGE:
            continue  # what cannot be read is no Rollout that anybody knows
    return changed


def _judged(item: PlanItem, lent: PlanItem, context: RuleContext) -> PlanItem:
    assert item.resource is not None  # noqa: S101 - what moves has one
    whole = with_template(on_blue(item), on_blue(lent))
    made = planned(whole, orjson.loads(item.body), item.green, item.resource, context, ready=not item.unready)
    return replace(
        item,
        body=to_json(made.manifest) if made.touched else item.body,
        one_side=made.one_side,
        transforms=(*item.transforms, *made.touched),
        notes=(*item.notes, *made.notes),
        question=made.question,
        answer=made.answer,
        token=f"{item.token}h" if made.touched else item.token,  # it is another object than one that is not held
    )
