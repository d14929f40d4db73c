"""What the account of a workload may write that acts outside of the cluster: by roles and bindings, whatever its image is."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from migrator.model.manifest import Manifest, get, pod_spec, ref_of
from migrator.model.ref import ObjectRef
from migrator.rules.context import RuleContext


class _Right(NamedTuple):
    """A right that few programs have but those that act outside."""

    group: str
    """May use *; a rule for all groups, or for all verbs of the core's kinds, does not count: it is no sign of anything."""
    resources: frozenset[str]
    """Empty: all of the group."""
    verbs: frozenset[str]
    what: str


_CHANGE = frozenset({"create", "update", "patch", "delete"})
_STATUS = frozenset({"update", "patch"})
_RIGHTS = (
    _Right("", frozenset({"services/status"}), _STATUS, "the addresses of Services"),
    _Right("", frozenset({"nodes"}), frozenset({"create", "delete"}), "nodes"),
    _Right("acme.cert-manager.io", frozenset({"orders", "orders/status"}), _CHANGE, "orders of certificates"),
    _Right("externaldns.k8s.io", frozenset({"dnsendpoints/status"}), _STATUS, "records in DNS"),
    _Right("cluster.x-k8s.io", frozenset({"machines", "machines/status"}), _CHANGE, "machines"),
    _Right("machine.openshift.io", frozenset({"machines", "machines/status"}), _CHANGE, "machines"),
    *(
        _Right(group, frozenset(), _CHANGE, "resources of a cloud")
        for group in ("*.aws.upbound.io", "*.azure.upbound.io", "*.gcp.upbound.io", "*.services.k8s.aws", "*.cnrm.cloud.google.com")
    ),
)


def facts_of_rights(manifest: Manifest, ref: ObjectRef) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what a role allows that acts outside, or whom a binding names, as (field of BlueFacts, member)."""
    if ref.kind.endswith("Binding"):
        yield from (("bound_accounts", names) for names in bound(manifest))
        return
    yield from (("outside_roles", (ref.namespace, ref.name, what)) for what in written_outside(manifest))


def written_outside(role: Manifest) -> Iterator[str]:
    """Yield what a Role or ClusterRole lets an account write outside."""
    for rule in role.get("rules") or []:
        groups, resources, verbs = (rule.get(key) or [] for key in ("apiGroups", "resources", "verbs"))
        if rule.get("resourceNames"):
            continue
        for right in _RIGHTS:
            named = not right.resources or not right.resources.isdisjoint(resources) or (right.group and "*" in resources)
            allowed = not right.verbs.isdisjoint(verbs) or (right.group and "*" in verbs)
            if named and allowed and any(group != "*" and fnmatchcase(group, right.group) for group in groups):
                yield right.what


def bound(binding: Manifest) -> Iterator[tuple[str, str, str, str]]:
    """Yield (namespace, account, namespace of the role, role) of each account that a binding names."""
    namespace = binding["metadata"].get("namespace") or ""
    at = namespace if get(binding, "roleRef", "kind") == "Role" else ""
    for subject in binding.get("subjects") or []:
        if subject.get("kind") == "ServiceAccount":
            yield subject.get("namespace") or namespace, subject["name"], at, binding["roleRef"]["name"]


def rights(workload: Manifest, context: RuleContext) -> tuple[str, ...]:
    """Return what the account of a workload may write outside."""
    spec = pod_spec(workload) or {}
    account = (ref_of(workload).namespace, spec.get("serviceAccountName") or "default")
    roles = {entry[2:] for entry in context.blue.bound_accounts if entry[:2] == account}
    return tuple(sorted({what for namespace, name, what in context.blue.outside_roles if (namespace, name) in roles}))
