"""What was asked of blue's controllers is not asked again."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest
from migrator.rules import requests
from migrator.rules.table import rules_for, transform
from tests.support.contexts import PLAIN
from tests.support.objects import made


@pytest.mark.parametrize(
    ("manifest", "field"),
    [
        (made("argoproj.io/v1alpha1", "Application", "shop", namespace="n", operation={"sync": {}}), ("operation",)),
        (
            made("argoproj.io/v1alpha1", "Rollout", "web", namespace="n", spec={"restartAt": "now", "replicas": 1}),
            ("spec", "restartAt"),
        ),
    ],
    ids=["sync", "restart"],
)
def test_one_action_is_not_asked_for_again(manifest: Manifest, field: tuple[str, ...]) -> None:
    """The field that asks for it goes, all others stay, and the plan names the rule."""
    done = transform(manifest, PLAIN, rules_for(f"{manifest['kind']}.argoproj.io"))
    assert done.touched == ("requests",)
    left = {**manifest, "spec": {"replicas": 1}} if field[0] == "spec" else {k: v for k, v in manifest.items() if k not in field}
    assert done.manifest == left


@pytest.mark.parametrize("name", sorted(requests.ANNOTATIONS))
def test_an_annotation_that_asks_for_an_action_goes(name: str) -> None:
    """Others stay."""
    manifest = made("v1", "ConfigMap", "c", namespace="n", annotations={name: "1", "team": "shop"})
    assert requests.drop_requesting_annotations(manifest, PLAIN)["metadata"]["annotations"] == {"team": "shop"}
    alone = made("v1", "ConfigMap", "c", namespace="n", annotations={name: "1"})
    assert "annotations" not in requests.drop_requesting_annotations(alone, PLAIN)["metadata"]


def test_an_application_of_another_group_keeps_its_field() -> None:
    """`Application` is a name that many use."""
    manifest = made("app.k8s.io/v1beta1", "Application", "shop", namespace="n", operation={"sync": {}})
    assert transform(manifest, PLAIN, rules_for("Application.app.k8s.io")).manifest["operation"] == {"sync": {}}
