"""Whether a hand-over of external-dns would delete names: of what stays on blue it sees nothing on green."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import orjson

from migrator.errors import ApiError, NotFoundError
from migrator.model.manifest import ref_of
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef
from migrator.model.verdict import Finding, Severity
from migrator.ports import Blue
from migrator.rules.one_side.names import Keeper, is_published, keeper

_CHECK = "names in DNS"
_HINT = "move it, too, or give external-dns `--policy=upsert-only` on blue until blue is retired; then copy again"


def findings(plan: Plan, blue: Blue, turned: Collection[ObjectRef]) -> Iterator[Finding]:
    """Yield a failure for each object whose names would be deleted; `turned`: names on blue of what was handed over already."""
    moving = {item.blue for item in plan.of(Decision.MOVE)}
    for item in plan.of(Decision.MOVE):
        if (
            item.one_side
            and item.one_side.part
            and item.one_side.part.addresses
            and item.one_side.active
            and item.blue not in turned
        ):
            kept = keeper(orjson.loads(item.original or item.body))
            yield from _left(item, kept, blue, moving) if kept else ()


def _left(item: PlanItem, kept: Keeper, blue: Blue, moving: Collection[ObjectRef]) -> Iterator[Finding]:
    for resource in kept.kinds:
        try:
            published = [ref_of(manifest) for manifest in blue.list(resource, kept.namespace) if is_published(manifest, kept)]
        except NotFoundError:
            continue  # blue does not serve the kind
        except ApiError as error:
            yield Finding(
                _CHECK, str(item.blue), Severity.FAILURE, f"{resource.type_name} cannot be read on blue: {error.message}", ""
            )
            continue
        for ref in sorted(set(published) - set(moving)):
            reason = f"does not move, and {item.blue} would delete its names from DNS on green, where it does not see it"
            yield Finding(_CHECK, str(ref), Severity.FAILURE, reason, _HINT)
