"""What holds for the whole table of rules, whatever the object."""

from __future__ import annotations

import copy

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop import shop

from migrator.config.load import parse_migration
from migrator.model.manifest import Manifest, ref_of
from migrator.rules.context import BlueFacts, GreenFacts, RuleContext
from migrator.rules.table import rules_for, transform

CONFIG = parse_migration(
    "name: t\nblue: {}\ngreen: {}\nmap: {namespaces: {shop: store}, storageClasses: {shop-disk: ssd}, registries: {registry.example.com: m}}",
    "t",
)
CONTEXT = RuleContext(CONFIG, GreenFacts(served_groups=frozenset({"apps"})), BlueFacts())
OWNED = {
    "uid": "u",
    "resourceVersion": "7",
    "generation": 2,
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "managedFields": [],
    "selfLink": "/x",
}


def as_served(manifest: Manifest) -> Manifest:
    """Return the manifest as an API server would give it out."""
    owners = [{**owner, "uid": "gone"} for owner in manifest["metadata"].get("ownerReferences", ())]
    metadata = {**manifest["metadata"], **OWNED} | ({"ownerReferences": owners} if owners else {})
    return {**manifest, "metadata": metadata, "status": {"phase": "Bound"}}


@pytest.mark.parametrize("manifest", [as_served(item) for item in shop()], ids=lambda item: str(ref_of(item)))
def test_rules_are_pure_and_settle(manifest: Manifest) -> None:
    """The input stays as it was; no server-owned field survives; applied twice is the same as once."""
    before = copy.deepcopy(manifest)
    rules = rules_for(ref_of(manifest).type_name)
    once = transform(manifest, CONTEXT, rules).manifest
    assert manifest == before
    assert not once["metadata"].keys() & OWNED.keys()
    assert "status" not in once
    unmapped = RuleContext(
        CONFIG.model_copy(update={"map": CONFIG.map.model_copy(update={"namespaces": {}})}), CONTEXT.green, CONTEXT.blue
    )
    assert transform(once, unmapped, rules).manifest == once
    orjson.dumps(once)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["spec", "data", "subjects", "status", "webhooks"]), _json, max_size=4))
def test_rules_survive_any_content(body: dict[str, object]) -> None:
    """A custom resource may hold anything: no rule for all kinds trips over it."""
    manifest = {"apiVersion": "x.io/v1", "kind": "Anything", "metadata": {"name": "a", "namespace": "shop"}, **body}
    done = transform(manifest, CONTEXT, rules_for("Anything.x.io")).manifest
    assert done["metadata"] == {"name": "a", "namespace": "store"}
