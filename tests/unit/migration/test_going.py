"""A namespace that is being deleted takes its objects along: nothing of it is copied, and nothing fails."""

from __future__ import annotations

from migrator.model.plan import Decision
from migrator.model.ref import ObjectRef
from tests.support.objects import config_map, made
from tests.support.pairs import Pair, in_green, pair


def with_going() -> Pair:
    """Return a pair with a namespace that waits for a finalizer, and one object in it and one beside it."""
    namespace = made("v1", "Namespace", "old", finalizers=["controller.cattle.io/namespace-auth"])
    both = pair(namespace, config_map("left", namespace="old"), config_map("other", namespace="shop"))
    ref = ObjectRef("", "Namespace", "", "old")
    resource = next(item for item in both.blue.resources() if (item.group, item.kind) == (ref.group, ref.kind))
    both.blue.delete(resource, "", "old", uid=in_green(both.blue, ref)["metadata"]["uid"])
    return both


def test_what_is_in_it_stays() -> None:
    """With the reason; what is beside it moves."""
    both = with_going()
    item = both.item(ObjectRef("", "ConfigMap", "old", "left"))
    assert (item.decision, item.reason) == (Decision.SKIP, "is deleted with its namespace, which is being deleted on blue")
    assert both.item(ObjectRef("", "ConfigMap", "shop", "other")).decision is Decision.MOVE
    assert not both.copy().problems
