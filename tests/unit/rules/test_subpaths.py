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
        (with_folder("$(NODE_NAME)/$(POD)", NODE, NAME), "", "folder $(NODE_NAME)/$(POD) of a volume, made of spec.nodeName"),
        (with_folder("x/$(IP)", field("IP", "status.podIP")), "", "made of status.podIP"),
        (with_folder("$(DIR)", NODE, {"name": "DIR", "value": "a-$(NODE_NAME)"}), "", "made of spec.nodeName"),
        (with_folder("$(NS)/$(POD)", SPACE, NAME), "map: {namespaces: {shop: other}}", "made of metadata.namespace"),
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


@pytest.mark.parametrize(
    ("value", "text", "told"),
    [
        ("rabbit@$(IP)", "", "the name in RABBITMQ_NODENAME, made of status.podIP"),
        ("rabbit@$(POD).mq.$(NS).svc.cluster.local", "map: {namespaces: {shop: other}}", "made of metadata.namespace"),
        ("rabbit@$(POD).mq.$(NS).svc.cluster.local", "", ""),
    ],
)
def test_a_broker_whose_node_has_another_name_begins_without_its_messages(value: str, text: str, told: str) -> None:
    """RabbitMQ keeps them in a folder of that name."""
    env = ({"name": "RABBITMQ_NODENAME", "value": value}, field("IP", "status.podIP"), SPACE, NAME)
    manifest = with_folder("", *env)
    assert told in told_of(manifest, text)
    assert bool(told_of(manifest, text)) is bool(told)
    assert told_of(with_folder("", *env, emptyDir={}), text) == ""


def test_a_volume_of_a_statefulset_s_own_template_keeps_data_too() -> None:
    """It has no volume in the pod's template."""
    manifest = with_folder("$(NODE_NAME)", NODE)
    manifest["kind"] = "StatefulSet"
    manifest["spec"]["template"]["spec"]["volumes"] = []
    assert told_of(manifest, kind="StatefulSet") == ""
    manifest["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "v"}}]
    assert "spec.nodeName" in told_of(manifest, kind="StatefulSet")
