"""What the plan does with an object that may run on one side only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import orjson

from migrator.model.manifest import Manifest, get
from migrator.model.one_side import OneSide
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef, ResourceType
from migrator.rules.context import RuleContext
from migrator.rules.one_side.questions import question
from migrator.rules.one_side.recognise import for_green, one_sided, persons_rule

_WHEN_SCALED = "spec.persistentVolumeClaimRetentionPolicy.whenScaled"


class Planned(NamedTuple):
    """An object as green gets it."""

    manifest: Manifest
    one_side: OneSide | None = None
    touched: tuple[str, ...] = ()
    """The name that the plan shows where it is held."""
    notes: tuple[str, ...] = ()
    question: str = ""
    """What a person is asked, where only they can know whether it may run on both sides."""
    answer: str = ""
    """The entry of `cutover.oneSide` that says it may not."""


def planned(
    blue: Manifest, transformed: Manifest, green: ObjectRef, resource: ResourceType, context: RuleContext, *, ready: bool
) -> Planned:
    """Return green's manifest, held where it may run on one side only; `ready`: whether it works on blue."""
    found = one_sided(blue, resource, context)
    if found is None:
        asked = None if persons_rule(blue, context) else question(blue, context)
        return Planned(transformed, question=asked.text if asked else "", answer=asked.line("auto") if asked else "")
    found, manifest = for_green(found, blue, transformed, context)
    if found.part is None:
        return Planned(manifest, found)
    found = replace(found, part=replace(found.part, green=green, ready=found.part.ready and ready))
    notes = (f"is held on green ({found.how}) and runs on blue until the cutover",) if found.active else ()
    return Planned(manifest, found, () if manifest is transformed else ("hold",), notes)


def warnings(moves: Iterable[PlanItem]) -> Iterator[str]:
    """Yield what a person should know of objects that act on one cluster and are not held, and of those that cannot be stopped."""
    for item in moves:
        if item.one_side and not item.one_side.part:
            yield f"{item.blue} is a {item.one_side.row}: {item.one_side.why}"
        elif item.one_side and item.one_side.active and item.blue.type_name == "StatefulSet.apps" and _loses_claims(item):
            yield f"{item.blue} would lose its claims where a cutover stops it, so none will: set {_WHEN_SCALED} to Retain on blue"


def _loses_claims(item: PlanItem) -> bool:
    """Return whether its controller deletes the claims of a StatefulSet with 0 replicas (KEP-1847)."""
    return bool(get(orjson.loads(item.original or item.body), *_WHEN_SCALED.split(".")) == "Delete")
