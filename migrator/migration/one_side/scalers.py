"""What scales a workload that is held is held with it, once the plan knows what is held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import orjson

from migrator.model.manifest import Manifest
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from migrator.model.strange import STRANGE, to_json
from migrator.rules.context import RuleContext
from migrator.rules.one_side import scalers
from migrator.rules.one_side.recognise import persons_rule


def held_with_their_targets(moves: Mapping[ObjectRef, PlanItem], context: RuleContext) -> dict[ObjectRef, PlanItem]:
    """Return, by name on green, the decisions about what scales a held workload; held, too, or with a note where nobody can."""
    changed = {}
    for green, item, target in _of_held(moves):
        manifest = on_blue(item)
        if persons_rule(manifest, context) or item.resource is None:
            continue
        found = scalers.scaler(manifest, orjson.loads(item.body), item.resource, context)
        if found is None:
            note = scalers.unknown(manifest, target)
            if note:
                changed[green] = replace(item, danger="; ".join(filter(None, (item.danger, note))))
            continue
        one, held = found
        if one.part is None:
            continue
        one = replace(one, part=replace(one.part, ready=one.part.ready and not item.unready))
        notes = (f"is held on green ({one.how}) and runs on blue until the cutover",) if one.active else ()
        changed[green] = replace(
            item,
            body=to_json(held),
            one_side=one,
            transforms=(*item.transforms, "hold"),
            notes=(*item.notes, *notes),
            token=f"{item.token}h",  # it is another object than one that is not held
        )
    return changed


def _of_held(moves: Mapping[ObjectRef, PlanItem]) -> Iterator[tuple[ObjectRef, PlanItem, ObjectRef]]:
    held = {item.blue for item in moves.values() if item.one_side and item.one_side.part}
    if not held:
        return
    for green, item in moves.items():
        if item.one_side or scalers.MARK not in item.body:
            continue
        try:
            target = scalers.target_of(on_blue(item))
        except STRANGE:
            continue  # what cannot be read is not a scaler that anybody knows
        if target in held:
            yield green, item, target


def on_blue(item: PlanItem) -> Manifest:
    """Return the object as blue has it; of an original only the content is kept, so its name is put back."""
    manifest: Manifest = orjson.loads(item.original or item.body)
    name = {"name": item.blue.name} | ({"namespace": item.blue.namespace} if item.blue.namespace else {})
    return {**manifest, "metadata": {**(manifest.get("metadata") or {}), **name}}
