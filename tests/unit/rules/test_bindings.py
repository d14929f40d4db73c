"""A binding that lets in everybody is told, or stays where it is."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.rules.bindings import danger, is_wildcard
from migrator.rules.context import BlueFacts, RuleContext
from migrator.rules.table import hindrance
from tests.support.contexts import configured
from tests.support.objects import config_map, made

API = "rbac.authorization.k8s.io/v1"
CONTEXT = RuleContext(configured(), blue=BlueFacts(wildcard_roles=frozenset({("", "all"), ("shop", "owner")})))
BLOCKING = RuleContext(configured("move: {dangerousBindings: block}"), blue=CONTEXT.blue)


def binding(*subjects: tuple[str, str], role: str = "view", kind: str = "ClusterRole", namespace: str = "") -> Manifest:
    """Return a binding of a role to users and groups."""
    body: dict[str, Any] = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": subject, "name": name} for subject, name in subjects],
    }
    if namespace:
        return made(API, "RoleBinding", "b", namespace=namespace, **body)
    return made(API, "ClusterRoleBinding", "b", **body)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (binding(("User", "system:anonymous")), "gives ClusterRole view to system:anonymous: everybody who reaches the API server"),
        (binding(("Group", "system:unauthenticated")), "system:unauthenticated: everybody"),
        (binding(("Group", "system:unauthenticated"), namespace="shop"), "without a login"),
        (binding(("Group", "system:masters")), "whose members may do everything, whatever is bound"),
        (binding(("Group", "system:authenticated"), role="cluster-admin"), "every account and every person with a login"),
        (binding(("Group", "system:authenticated"), role="all"), "ClusterRole all, which may do everything"),
        (binding(("Group", "system:serviceaccounts"), role="all"), "every pod"),
        (binding(("Group", "system:serviceaccounts:shop"), role="all"), "every pod of namespace shop"),
        (binding(("Group", "system:authenticated"), role="owner", kind="Role", namespace="shop"), "Role owner"),
        (binding(("User", "ann"), ("Group", "system:masters")), "system:masters"),
    ],
)
def test_a_dangerous_binding_has_its_reason(manifest: Manifest, words: str) -> None:
    """It is moved with a warning, or blocked where the person's file says so (kubernetes#105045 and its kind)."""
    assert words in danger(manifest, CONTEXT)
    assert hindrance(manifest, CONTEXT) is None
    blocked = hindrance(manifest, BLOCKING)
    assert blocked is not None
    assert words in blocked.reason


@pytest.mark.parametrize(
    "manifest",
    [
        binding(("User", "ann"), role="cluster-admin"),
        binding(("Group", "system:authenticated"), role="view"),
        binding(("Group", "system:authenticated"), role="owner"),
        binding(("Group", "system:authenticated"), role="owner", kind="Role", namespace="other"),
        binding(("User", "system:masters")),
        binding(),
        made(API, "ClusterRoleBinding", "b", roleRef={}, subjects=["x", None]),
        made(API, "ClusterRoleBinding", "b", roleRef="x", subjects="y"),
        made(API, "Role", "r", namespace="shop", rules=[]),
        made("example.org/v1", "ClusterRoleBinding", "b", subjects=[{"kind": "Group", "name": "system:masters"}]),
        config_map("a", namespace="shop"),
    ],
)
def test_other_objects_are_none(manifest: Manifest) -> None:
    """A named person, a narrow role, a role of that name elsewhere, and whatever else is there."""
    assert danger(manifest, CONTEXT) == ""
    assert hindrance(manifest, BLOCKING) is None


@pytest.mark.parametrize(
    ("rules", "wildcard"),
    [
        ([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}], True),
        ([{"apiGroups": [""], "resources": ["*"], "verbs": ["get", "*"]}], True),
        ([{"apiGroups": ["*"], "resources": ["pods"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}], False),
        ([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get"]}], False),
        (None, False),
    ],
)
def test_a_role_that_allows_everything_is_a_wildcard(rules: Any, wildcard: bool) -> None:  # noqa: FBT001
    """In one API group is enough: the core group has Secrets."""
    assert is_wildcard(made(API, "ClusterRole", "r", rules=rules)) is wildcard
