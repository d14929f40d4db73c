"""Webhooks that would refuse what an upgrade writes: pods that a drain makes move, and what kubeadm brings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import Manifest, get
from migrator.model.pods import matches
from migrator.model.verdict import CheckName, Finding
from migrator.upgrade.checks.finding import fail, warn

# What a drain writes, and what a node needs to come back.
_MOVED: Mapping[str, frozenset[str]] = {"": frozenset({"pods", "pods/eviction", "nodes", "nodes/status"})}
# What `kubeadm upgrade` writes in kube-system: its settings and its add-ons; and the Leases of nodes.
_WRITTEN: Mapping[str, frozenset[str]] = {
    "": frozenset({"configmaps", "serviceaccounts"}),
    "apps": frozenset({"daemonsets", "deployments"}),
    "coordination.k8s.io": frozenset({"leases"}),
    "rbac.authorization.k8s.io": frozenset({"rolebindings", "roles"}),
}
# What it writes beside; no namespaceSelector keeps a webhook from these.
_OF_THE_CLUSTER: Mapping[str, frozenset[str]] = {"rbac.authorization.k8s.io": frozenset({"clusterrolebindings", "clusterroles"})}


def fail_closed(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find webhooks that refuse what an upgrade writes while their backend is away, and those on pods with one endpoint only."""
    for configuration in facts.cluster.webhooks:
        for webhook in configuration.get("webhooks") or []:
            service = get(webhook, "clientConfig", "service")
            moved, written = _judges(webhook, _MOVED), _written(webhook, facts)
            if webhook.get("failurePolicy", "Fail") != "Fail" or not service or not (moved or written):
                continue
            name, backend = webhook["name"], f"{service['namespace']}/{service['name']}"
            ready = facts.cluster.backends.get(backend, 0)
            if not ready:
                what = "no pod could start elsewhere" if moved else f"kubeadm could not write {written}, half way"
                yield fail(
                    CheckName.WEBHOOKS,
                    name,
                    f"its backend {backend} has no ready endpoint, and it fails closed: {what}",
                    "bring the backend up, or set failurePolicy: Ignore for the time of the upgrade",
                )
            elif ready == 1 and moved:
                yield warn(
                    CheckName.WEBHOOKS,
                    name,
                    f"its backend {backend} has one endpoint: while that one moves, no pod can start",
                    "give it two replicas on different nodes",
                )


def _judges(webhook: Manifest, touched: Mapping[str, frozenset[str]]) -> str:
    """Return the first of these resources that a webhook judges when it is written, empty where it judges none."""
    for rule in webhook.get("rules") or []:
        # A rule without operations is none that the API server would take; CONNECT is `kubectl exec`.
        operations, groups = set(rule.get("operations") or ["*"]), set(rule.get("apiGroups") or [])
        named = set(rule.get("resources") or [])
        for group, resources in touched.items():
            found = sorted(item for item in resources if not named.isdisjoint(_ways_to_name(item)))
            if found and operations != {"CONNECT"} and not groups.isdisjoint({group, "*"}):
                return found[0]
    return ""


def _ways_to_name(resource: str) -> set[str]:
    kind, _, part = resource.partition("/")
    return {resource, "*/*"} | ({f"{kind}/*", f"*/{part}"} if part else {"*"})


def _written(webhook: Manifest, facts: UpgradeFacts) -> str:
    if webhook.get("objectSelector"):
        return ""  # kubeadm's objects have no labels of a person's
    return (_judges(webhook, _WRITTEN) if _sees_system(webhook, facts) else "") or _judges(webhook, _OF_THE_CLUSTER)


def _sees_system(webhook: Manifest, facts: UpgradeFacts) -> bool:
    """Return whether a webhook judges objects of kube-system."""
    labels = {"kubernetes.io/metadata.name": "kube-system", **facts.cluster.system_labels}
    return matches(webhook.get("namespaceSelector") or {}, labels)
