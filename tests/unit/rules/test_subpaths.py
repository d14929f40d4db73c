"""A folder in a volume that is named by the pod's surroundings is told: on green it is another one."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.model.strange import to_json
from migrator.rules.context import RuleContext
from migrator.rules.subpaths import elsewhere
from tests.support.contexts import configured
from tests.support.objects import deployment

CLAIM = {"persistentVolumeClaim": {"claimName": "data"}}


def with_folder(folder: str, *env: dict[str, Any], **volume: Any) -> Manifest:
    """Return a Deployment that mounts a folder of a volume."""
    manifest = deployment("shop")
    manifest["metadata"]["namespace"] = "shop"
    spec = manifest["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "v", **(volume or CLAIM)}]
    spec["containers"][0] |= {"env": list(env), "volumeMounts": [{"name": "v", "mountPath": "/data", "subPathExpr": folder}]}
    return manifest


def field(name: str, path: str) -> dict[str, Any]:
    """Return a variable with a field of the pod."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def told_of(manifest: Manifest, text: str = "", *, kind: str = "Deployment") -> str:
    """Return what is told of a workload."""
    return elsewhere(manifest, f"{kind}.apps", to_json(manifest), RuleContext(configured(text)))


NODE, SPACE, NAME = field("NODE_NAME", "spec.nodeName"), field("NS", "metadata.namespace"), field("POD", "metadata.name")


@pytest.mark.parametrize(
    ("manifest", "text", "told"),
    [
        (with_folder("$(NODE_NAME)/$(POD)", NODE, NAME), "", "folder $(NODE_NAME)/$(POD) of a volume, named by spec.nodeName"),
        (with_folder("x/$(IP)", field("IP", "status.podIP")), "", "named by status.podIP"),
        (with_folder("$(DIR)", NODE, {"name": "DIR", "value": "a-$(NODE_NAME)"}), "", "named by spec.nodeName"),
        (with_folder("$(NS)/$(POD)", SPACE, NAME), "map: {namespaces: {shop: other}}", "named by metadata.namespace"),
        (with_folder("$(NS)/$(POD)", SPACE, NAME), "", ""),
        (with_folder("$(POD)", NODE, NAME), "", ""),
        (with_folder("$(LOOP)", {"name": "LOOP", "value": "$(LOOP)" * 99}), "", ""),
        (with_folder("$(NODE_NAME)", NODE, emptyDir={}), "", ""),
    ],
)
def test_a_folder_that_is_another_one_on_green_is_told(manifest: Manifest, text: str, told: str) -> None:
    """The copied data would lie beside an empty folder, in which a database begins anew."""
    found = told_of(manifest, text)
    assert told in found
    assert bool(found) is bool(told)


def test_a_volume_of_a_statefulset_s_own_template_keeps_data_too() -> None:
    """It has no volume in the pod's template."""
    manifest = with_folder("$(NODE_NAME)", NODE)
    manifest["kind"] = "StatefulSet"
    manifest["spec"]["template"]["spec"]["volumes"] = []
    assert told_of(manifest, kind="StatefulSet") == ""
    manifest["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "v"}}]
    assert "spec.nodeName" in told_of(manifest, kind="StatefulSet")
