"""A person's transforms and selectors."""

from __future__ import annotations

import pytest

from migrator.errors import ConfigError
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
