"""An approved plan is carried out only as it was approved."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from migrator.errors import BlockedError
from migrator.migration.approval import as_document, require_unchanged
from migrator.model.ref import ObjectRef
from tests.support.objects import config_map
from tests.support.pairs import Pair, in_green, pair, shop

IDENTITIES = {"blue": "b", "green": "g"}
A = ObjectRef("", "ConfigMap", "shop", "a")


def document(both: Pair) -> dict[str, Any]:
    """Return the plan as it is approved."""
    return dict(orjson.loads(orjson.dumps(as_document(both.read()[0], IDENTITIES))))


def test_the_document_of_a_plan_holds_no_content() -> None:
    """It is kept and shown."""
    both = shop()
    text = orjson.dumps(as_document(both.read()[0], IDENTITIES)).decode()
    assert "password" in text
    assert "aHVudGVyMg==" not in text
    assert "registry.example.com" not in text


def test_an_approved_plan_that_still_holds_is_carried_out() -> None:
    """Reading again changes nothing."""
    both = shop()
    approved = document(both)
    plan, _ = both.read()
    require_unchanged(plan, approved, IDENTITIES)
    assert as_document(plan, IDENTITIES)["objects"] == approved["objects"]


def test_what_changed_since_the_approval_is_named() -> None:
    """New, gone and changed objects."""
    both = pair(config_map("a", namespace="shop"), config_map("b", namespace="shop"))
    approved = document(both)
    resource = both.blue.type_of(config_map("a"))
    both.blue.delete(resource, "shop", "b", uid=in_green(both.blue, A._replace(name="b"))["metadata"]["uid"])
    both.blue.patch(resource, "shop", "a", {"data": {"key": "other"}}, manager="kubectl")
    both.blue.hold(config_map("c", namespace="shop"))
    with pytest.raises(BlockedError) as refusal:
        require_unchanged(both.read()[0], approved, IDENTITIES)
    expected = ((A, "changed"), (A._replace(name="b"), "gone"), (A._replace(name="c"), "new"))
    assert refusal.value.message.endswith(", ".join(f"{ref} ({word})" for ref, word in expected))


@pytest.mark.parametrize(
    "approved", [{}, {"format": 2, "objects": []}, {"format": 1}, {"format": 1, "objects": [], "clusters": {}}]
)
def test_another_document_is_refused(approved: dict[str, Any]) -> None:
    """One of another tool, format or pair of clusters."""
    with pytest.raises(BlockedError, match="approved plan"):
        require_unchanged(pair().read()[0], approved, IDENTITIES)


@pytest.mark.parametrize("item", [7, "x", {}, {"object": "a"}, None])
def test_a_plan_that_was_edited_by_hand_is_refused(item: object) -> None:
    """With what is wrong, and not as a bug."""
    approved = {"format": 1, "clusters": IDENTITIES, "objects": [item]}
    with pytest.raises(BlockedError, match="an object in it has no name or no decision"):
        require_unchanged(shop().read()[0], approved, IDENTITIES)
