"""Namespaces that are being deleted on blue, often for months behind a finalizer: what is still in them goes with them."""

from __future__ import annotations

from collections.abc import Iterable

from migrator.migration.inventory import Found
from migrator.rules.skip import BEING_DELETED

_WITH_NAMESPACE = "is deleted with its namespace, which is being deleted on blue"


def without_going(objects: Iterable[Found]) -> list[Found]:
    """Return the objects; those of such a namespace stay: green does not get the namespace, so they would have no place there."""
    kept = list(objects)
    going = {item.ref.name for item in kept if item.ref.type_name == "Namespace" and item.skip == BEING_DELETED}
    if not going:
        return kept
    return [
        Found(item.ref, item.resource, item.uid, _WITH_NAMESPACE) if item.ref.namespace in going and not item.skip else item
        for item in kept
    ]
