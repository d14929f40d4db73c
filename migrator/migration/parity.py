"""Whether an object of green is what blue's should become there; `copy` decides by it, `validate` judges by it."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from migrator.migration.inventory import Live
from migrator.model.difference import FieldDifference, missing_from
from migrator.model.manifest import Manifest, put
from migrator.model.plan import PlanItem
from migrator.rules import injected

UidOf = Callable[[Manifest], str]
"""Returns the UID on green for an owner reference of blue."""


def relinked(manifest: Manifest, uid_of: UidOf) -> Manifest:
    """Return the manifest with its owners' UIDs on green."""
    owners = manifest["metadata"].get("ownerReferences")
    if not owners:
        return manifest
    return put(manifest, ("metadata", "ownerReferences"), [{**owner, "uid": uid_of(owner)} for owner in owners])


def differences(item: PlanItem, live: Live, uid_of: UidOf) -> list[FieldDifference]:
    """Return the fields of green's object that are not as planned; a controller's own values do not count."""
    wanted = relinked(injected.stable(orjson.loads(item.body), item.volatile), uid_of)
    return missing_from(wanted, injected.stable(orjson.loads(live.body), item.volatile))
