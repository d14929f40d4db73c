"""Bindings that give rights to people or programs that nobody has named: a copy of them opens green as blue is open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.model.manifest import Manifest, get
from migrator.rules.context import Hindrance, RuleContext

_RBAC = "rbac.authorization.k8s.io"
_NO_LOGIN = frozenset({("User", "system:anonymous"), ("Group", "system:unauthenticated")})
_MASTERS = ("Group", "system:masters")
_ALL_LOGINS = "system:authenticated"
_ACCOUNTS = "system:serviceaccounts"


def is_wildcard(role: Manifest) -> bool:
    """Return whether a Role or ClusterRole allows everything on everything, in some API group at least."""
    rules: list[dict[str, Any]] = role.get("rules") or []
    return any("*" in (rule.get("verbs") or ()) and "*" in (rule.get("resources") or ()) for rule in rules)


def danger(manifest: Manifest, context: RuleContext) -> str:
    """Return why a binding is dangerous, or an empty string for one that is not, and for everything else."""
    if not manifest["kind"].endswith("RoleBinding") or not manifest["apiVersion"].startswith(f"{_RBAC}/"):
        return ""
    return "; ".join(dict.fromkeys(_dangers(manifest, context)))


def hindrance(manifest: Manifest, context: RuleContext) -> Hindrance | None:
    """Return that a dangerous binding is not moved, where the person's file says so."""
    if context.config.move.dangerous_bindings != "block":
        return None
    reason = danger(manifest, context)
    hint = "narrow it on blue, leave it out with move.objects.exclude, or allow it with move.dangerousBindings: warn"
    return Hindrance(reason, hint) if reason else None


def _dangers(manifest: Manifest, context: RuleContext) -> Iterator[str]:
    role = f"{get(manifest, 'roleRef', 'kind')} {get(manifest, 'roleRef', 'name')}"
    subjects = manifest.get("subjects")
    for subject in subjects if isinstance(subjects, list) else ():
        kind, name = (str(get(subject, key) or "") for key in ("kind", "name"))
        if (kind, name) in _NO_LOGIN:
            yield f"gives {role} to {name}: everybody who reaches the API server, without a login"
        elif (kind, name) == _MASTERS:
            yield f"names {name}, whose members may do everything, whatever is bound"
        elif kind == "Group" and name == _ALL_LOGINS and _may_all(manifest, context):
            yield f"gives {role}, which may do everything, to {name}: every account and every person with a login"
        # `system:serviceaccounts:NAMESPACE`, or without a namespace all accounts of the cluster.
        elif kind == "Group" and name.startswith(_ACCOUNTS) and _may_all(manifest, context):
            whose = name.removeprefix(_ACCOUNTS).lstrip(":")
            yield f"gives {role}, which may do everything, to {name}: every pod{f' of namespace {whose}' if whose else ''}"


def _may_all(manifest: Manifest, context: RuleContext) -> bool:
    is_local = get(manifest, "roleRef", "kind") == "Role"
    namespace = manifest["metadata"].get("namespace", "") if is_local else ""
    name = get(manifest, "roleRef", "name")
    # cluster-admin by its name: every API server makes it at its start, so it need not be among those that were read.
    return name == "cluster-admin" or (namespace, name) in context.blue.wildcard_roles
