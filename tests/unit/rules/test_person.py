"""A person's transforms and selectors."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from migrator.config.fields import Selector
from migrator.errors import ConfigError
from migrator.model.ref import ObjectRef
from migrator.rules import person
from migrator.rules.context import RuleContext
from tests.support.contexts import configured
from tests.support.objects import config_map, made


def test_a_persons_patch_that_does_not_fit_is_a_mistake() -> None:
    """It names transform, object and reason; kind, name and namespace cannot be changed."""
    manifest = config_map("a", namespace="n")
    text = "transforms: [{name: t, target: {kind: ConfigMap}, jsonPatch: [{op: remove, path: /data/none}]}]"
    with pytest.raises(ConfigError, match="transform t: does not fit ConfigMap/n/a"):
        person.apply_transforms(manifest, manifest, RuleContext(configured(text)))
    text = "transforms: [{name: t, target: {kind: ConfigMap}, mergePatch: {metadata: {name: b}}}]"
    with pytest.raises(ConfigError, match="changes kind, name or namespace"):
        person.apply_transforms(manifest, manifest, RuleContext(configured(text)))


@pytest.mark.parametrize(
    "operation",
    [
        "{op: test, path: /data/password, value: x}",
        "{op: replace, path: /data/password/deeper, value: x}",
        "{op: move, from: /data/none, path: /data/hunter2}",
        "{op: add, path: /data/password/0, value: x}",
        "{op: what, path: /data/password}",
    ],
)
def test_a_patch_that_does_not_fit_tells_no_value(operation: str) -> None:
    """The library quotes what stands at the path, which is a Secret's value here."""
    manifest = made("v1", "Secret", "a", namespace="n", data={"password": "hunter2"})
    text = f"transforms: [{{name: t, target: {{kind: Secret}}, jsonPatch: [{operation}]}}]"
    with pytest.raises(ConfigError, match="does not fit Secret/n/a") as caught:
        person.apply_transforms(manifest, manifest, RuleContext(configured(text)))
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    ("selector", "is_selected"),
    [
        ({"kind": "Deployment"}, True),
        ({"kind": "Deployment.apps"}, True),
        ({"kind": "Deployment.extensions"}, False),
        ({"kind": "deployment"}, False),
        ({"namespace": "shop"}, True),
        ({"namespace": "sh*"}, True),
        ({"namespace": "s"}, False),
        ({"name": "w?b"}, True),
        ({"name": "[vw]eb"}, True),
        ({"labels": {"app": "web"}}, True),
        ({"labels": {"app": "web", "tier": "front"}}, False),
        ({"labels": {"app": "*"}}, False),
        ({"kind": "Deployment", "namespace": "shop", "name": "other"}, False),
    ],
)
def test_a_selector_takes_what_has_all_that_it_names(selector: dict[str, Any], *, is_selected: bool) -> None:
    """Names may have stars; a kind may have its group; labels are equal or not."""
    ref = ObjectRef("apps", "Deployment", "shop", "web")
    assert person.selects(Selector.model_validate(selector), ref, {"app": "web"}) is is_selected


@pytest.mark.parametrize(
    ("value", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_is_that_of_the_standard(value: Any, patch: Any, merged: Any) -> None:
    """Its own examples (RFC 7396, appendix A); what is patched stays as it was."""
    before = copy.deepcopy(value)
    assert person.merge_patch(value, patch) == merged
    assert value == before


def test_a_transform_that_changes_nothing_is_not_named() -> None:
    """The others are, in the order of the file; a label of blue selects, whatever an earlier one has made of it."""
    manifest = config_map("a", namespace="n")
    manifest["metadata"]["labels"] = {"app": "web"}
    rules = [
        "{name: one, target: {labels: {app: web}}, mergePatch: {metadata: {labels: {app: other}}}}",
        "{name: same, target: {kind: ConfigMap}, mergePatch: {metadata: {labels: {app: other}}}}",
        "{name: two, target: {labels: {app: web}}, jsonPatch: [{op: add, path: /metadata/labels/tier, value: front}]}",
        "{name: none, target: {labels: {app: other}}, mergePatch: {data: {x: y}}}",
    ]
    done, touched = person.apply_transforms(manifest, manifest, RuleContext(configured(f"transforms: [{', '.join(rules)}]")))
    assert touched == ["transform:one", "transform:two"]
    assert done["metadata"]["labels"] == {"app": "other", "tier": "front"}
    assert manifest["metadata"]["labels"] == {"app": "web"}


def test_a_namespace_may_have_its_new_name_and_no_other() -> None:
    """A transform works on the object as it is on green."""
    text = "map: {namespaces: {shop: market}}, transforms: [{name: t, target: {kind: Namespace}, mergePatch: {metadata: {labels: {a: b}}}}]"
    context = RuleContext(configured(text.replace("}, transforms", "}\ntransforms")))
    blue, green = made("v1", "Namespace", "shop"), made("v1", "Namespace", "market")
    assert person.apply_transforms(green, blue, context)[1] == ["transform:t"]
    with pytest.raises(ConfigError, match="changes kind, name or namespace of Namespace/shop"):
        person.apply_transforms(made("v1", "Namespace", "bazaar"), blue, context)


@pytest.mark.parametrize(
    ("path", "pattern", "matched"),
    [
        ("spec.containers[istio-proxy].image", "spec.containers[istio-proxy].image", True),
        ("spec.containers[istio-proxy].image", "spec.containers[istio-proxy]*", True),
        ("spec.containers[web].image", "spec.containers[istio-proxy]*", False),
        ("spec.containers[i].image", "spec.containers[istio-proxy].image", False),
        ("metadata.labels.a", "metadata.labels.*", True),
        ("metadata.annotations.a", "metadata.labels.*", False),
    ],
)
def test_brackets_of_a_path_are_the_name_of_an_item(path: str, pattern: str, *, matched: bool) -> None:
    """And no choice of letters."""
    assert person._matches(path, pattern) is matched
