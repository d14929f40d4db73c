"""A person's transforms and selectors."""

from __future__ import annotations

import pytest

from migrator.errors import ConfigError
from migrator.rules import person
from migrator.rules.context import RuleContext
from tests.support.contexts import configured
from tests.support.objects import config_map


def test_a_persons_patch_that_does_not_fit_is_a_mistake() -> None:
    """It names transform, object and reason; kind, name and namespace cannot be changed."""
    manifest = config_map("a", namespace="n")
    text = "transforms: [{name: t, target: {kind: ConfigMap}, jsonPatch: [{op: remove, path: /data/none}]}]"
    with pytest.raises(ConfigError, match="transform t: does not fit ConfigMap/n/a"):
        person.apply_transforms(manifest, manifest, RuleContext(configured(text)))
    text = "transforms: [{name: t, target: {kind: ConfigMap}, mergePatch: {metadata: {name: b}}}]"
    with pytest.raises(ConfigError, match="changes kind, name or namespace"):
        person.apply_transforms(manifest, manifest, RuleContext(configured(text)))
