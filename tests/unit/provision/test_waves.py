"""What is made before what, and what the engine does not wait for by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from migrator.provision.waves import not_awaited, waves

WEAVE = Path(__file__).parents[3] / "deploy/weave-net.yaml"


def made(kind: str, group: str = "v1", **more: Any) -> dict[str, Any]:
    """Return an object."""
    return {"apiVersion": group, "kind": kind, "metadata": {"name": kind.lower()}, **more}


def test_what_runs_comes_last_and_definitions_first() -> None:
    """In the order of the file within a wave; custom resources come after what an operator may do."""
    definition = made("CustomResourceDefinition", spec={"group": "operator.tigera.io", "names": {"kind": "Installation"}})
    given = [
        made("DaemonSet", "apps/v1"),
        made("Installation", "operator.tigera.io/v1"),
        made("ClusterRole"),
        definition,
        made("Namespace"),
        made("ConfigMap"),
    ]
    found = [[item["kind"] for item in wave] for wave in waves(given)]
    assert found == [["CustomResourceDefinition", "Namespace"], ["ClusterRole", "ConfigMap"], ["Installation"], ["DaemonSet"]]


def test_objects_of_definitions_that_an_operator_makes_come_after_it() -> None:
    """As Calico's Installation where its definitions are a file of their own; Kubernetes' own kinds are not such objects."""
    given = [
        made("Installation", "operator.tigera.io/v1"),
        made("GatewayClass", "gateway.networking.k8s.io/v1"),
        made("Deployment", "apps/v1"),
        made("Role", "rbac.authorization.k8s.io/v1"),
    ]
    found = [[item["kind"] for item in wave] for wave in waves(given)]
    assert found == [["Role"], ["Deployment"], ["Installation", "GatewayClass"]]


def test_weave_net_s_router_comes_after_its_rights_and_its_configmap() -> None:
    """Its first start reads the ConfigMap, and ends where it may not, or it is not there."""
    *before, last = waves(yaml.safe_load_all(WEAVE.read_text()))
    assert [item["kind"] for item in last] == ["DaemonSet"]
    kinds = {item["kind"] for wave in before for item in wave}
    assert {"ConfigMap", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ServiceAccount"} <= kinds


@pytest.mark.parametrize("kind", ["DaemonSet", "Service", "Ingress", "PersistentVolumeClaim"])
def test_what_gets_ready_later_is_not_awaited(kind: str) -> None:
    """The wait for the nodes is the one that tells what is waited for; a person's annotations stay."""
    daemon = made(kind, "apps/v1")
    daemon["metadata"]["annotations"] = {"a": "b"}
    assert not_awaited(daemon)["metadata"]["annotations"] == {"a": "b", "pulumi.com/skipAwait": "true"}
    assert daemon["metadata"]["annotations"] == {"a": "b"}
    definition = made("CustomResourceDefinition")
    assert not_awaited(definition) is definition
