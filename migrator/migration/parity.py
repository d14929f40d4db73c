"""Whether an object of green is what blue's should become there; `copy` decides by it, `validate` judges by it."""

from __future__ import annotations

import orjson

from migrator.migration.inventory import Live
from migrator.model.difference import FieldDifference, missing_from
from migrator.model.one_side import without_fields
from migrator.model.owned import fields_of, without_unowned_items
from migrator.model.plan import PlanItem
from migrator.rules import injected, shared
from migrator.rules.ownership import UidOf, relinked


def differences(item: PlanItem, live: Live, uid_of: UidOf) -> list[FieldDifference]:
    """Return the fields of green's object that are not as planned; a controller's own values do not count.

    Nor do items of lists that nobody owns there: green's admission has added them, as a token volume to each pod.
    What holds an object that runs on one side only is left out: the tool itself changes it at a cutover, and `migration.one_side`
    judges it.
    """
    wanted = relinked(injected.stable(orjson.loads(item.body), item.volatile), uid_of)
    if item.one_side and item.one_side.part:
        wanted = without_fields(wanted, (field.path for field in item.one_side.part.fields))
    have = injected.stable(orjson.loads(live.body), item.volatile)
    additive = shared.is_shared(item.green)
    found = missing_from(wanted, have, additive=additive)
    if not found or not live.fields:
        return found
    return missing_from(wanted, without_unowned_items(have, fields_of(orjson.loads(live.fields)), wanted), additive=additive)
