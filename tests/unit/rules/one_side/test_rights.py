"""What an account may write outside, by the roles that are bound to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.rules.context import BlueFacts
from migrator.rules.one_side.rights import bound, rights, written_outside
from tests.support.contexts import PLAIN
from tests.support.objects import deployment, made

RBAC = "rbac.authorization.k8s.io"


def role(group: str, resource: str, *verbs: str, **more: Any) -> Manifest:
    """Return a ClusterRole with one rule."""
    rule = {"apiGroups": [group], "resources": [resource], "verbs": list(verbs), **more}
    return made(f"{RBAC}/v1", "ClusterRole", "r", rules=[rule])


@pytest.mark.parametrize(
    ("one", "what"),
    [
        (role("", "services/status", "patch"), ["the addresses of Services"]),
        (role("", "nodes", "delete"), ["nodes"]),
        (role("acme.cert-manager.io", "*", "*"), ["orders of certificates"]),
        (role("s3.services.k8s.aws", "buckets", "create"), ["resources of a cloud"]),
        (role("", "services/status", "get"), []),
        (role("", "nodes", "get", "patch"), []),
        (role("", "nodes", "*"), []),
        (role("", "nodes", "delete", resourceNames=["one"]), []),
        (role("", "*", "*"), []),
        (role("*", "*", "*"), []),
        (role("networking.k8s.io", "ingresses/status", "update"), []),
        (made(f"{RBAC}/v1", "ClusterRole", "aggregated", rules=None), []),
    ],
)
def test_few_rights_say_something(one: Manifest, what: list[str]) -> None:
    """Who may do everything, as an engine of GitOps or a storage system, is no sign; nor is the status of an Ingress."""
    assert list(written_outside(one)) == what


def test_the_account_of_a_workload_has_what_is_bound_to_it() -> None:
    """By a binding of its namespace, or of the cluster; a Role of another namespace with that name is another one."""
    manifest = deployment("lb")
    manifest["metadata"]["namespace"] = "shop"
    manifest["spec"]["template"]["spec"]["serviceAccountName"] = "lb"
    subjects = [{"kind": "ServiceAccount", "name": "lb"}, {"kind": "User", "name": "alice"}]
    binding = made(f"{RBAC}/v1", "RoleBinding", "b", namespace="shop", subjects=subjects, roleRef={"kind": "Role", "name": "r"})
    assert list(bound(binding)) == [("shop", "lb", "shop", "r")]
    facts = BlueFacts(
        outside_roles=frozenset({("shop", "r", "nodes"), ("else", "r", "machines")}), bound_accounts=frozenset(bound(binding))
    )
    assert rights(manifest, replace(PLAIN, blue=facts)) == ("nodes",)
    del manifest["spec"]["template"]["spec"]["serviceAccountName"]
    assert rights(manifest, replace(PLAIN, blue=facts)) == ()
