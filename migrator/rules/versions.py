"""Choose the API version that an object is read and written at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from migrator.model.manifest import Manifest, get
from migrator.model.ref import ResourceType
from migrator.rules.context import Hindrance

SUCCESSORS = {
    "Ingress.extensions": "Ingress.networking.k8s.io/v1",
    "Deployment.extensions": "Deployment.apps/v1",
    "DaemonSet.extensions": "DaemonSet.apps/v1",
    "ReplicaSet.extensions": "ReplicaSet.apps/v1",
    "NetworkPolicy.extensions": "NetworkPolicy.networking.k8s.io/v1",
    "PodSecurityPolicy.extensions": "Pod Security Admission (namespace labels)",
    "PodSecurityPolicy.policy": "Pod Security Admission (namespace labels)",
    "CronJob.batch": "CronJob.batch/v1",
    "PodDisruptionBudget.policy": "PodDisruptionBudget.policy/v1",
    "EndpointSlice.discovery.k8s.io": "EndpointSlice.discovery.k8s.io/v1",
    "HorizontalPodAutoscaler.autoscaling": "HorizontalPodAutoscaler.autoscaling/v2",
    "FlowSchema.flowcontrol.apiserver.k8s.io": "FlowSchema.flowcontrol.apiserver.k8s.io/v1",
    "PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io": "PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io/v1",
    "PodPreset.settings.k8s.io": "a mutating admission policy",
}
"""Replacements of API types that Kubernetes removed (kubernetes.io/docs/reference/using-api/deprecation-guide)."""

Kind = tuple[str, str]
"""(group, kind)."""


def by_kind(types: Iterable[ResourceType]) -> dict[Kind, list[ResourceType]]:
    """Return the served versions of each kind, preferred first."""
    table: dict[Kind, list[ResourceType]] = {}
    for resource in types:
        table.setdefault((resource.group, resource.kind), []).append(resource)
    return table


def common_version(blue: Sequence[ResourceType], green: Sequence[str], storage: str = "") -> ResourceType | None:
    """Return the type at a version that both serve.

    The storage version of a custom resource comes first, because it needs no conversion webhook; then green's order decides.
    """
    served = {resource.version: resource for resource in blue}
    for version in (storage, *green):
        if version in served and version in green:
            return served[version]
    return None


def other_versions(
    blue: Sequence[ResourceType], green: Sequence[str], chosen: ResourceType, stored: Sequence[str]
) -> tuple[ResourceType, ...]:
    """Return the same kind at the other versions that both serve; those that objects may be stored at come first."""
    common = [item for item in blue if item.version in green and item.version != chosen.version]
    return tuple(sorted(common, key=lambda item: item.version not in stored))


def crd_versions(crd: Manifest) -> tuple[Kind, list[str], str, list[str]]:
    """Return the kind that a CRD defines, its served versions, its storage version, and all that objects may be stored at."""
    spec = crd["spec"]
    served = [version["name"] for version in spec["versions"] if version.get("served")]
    storage = next((version["name"] for version in spec["versions"] if version.get("storage")), "")
    return (spec["group"], get(spec, "names", "kind")), served, storage, get(crd, "status", "storedVersions") or []


def unserved(resource: ResourceType, green: Sequence[str]) -> Hindrance:
    """Return why a kind cannot be written to green, and its replacement where one is known."""
    successor = SUCCESSORS.get(resource.type_name)
    if green:
        reason = f"blue serves it at {resource.version} only, green at {', '.join(green)}"
    else:
        reason = f"green does not serve {resource.type_name}"
    if successor:
        return Hindrance(reason, f"rewrite it as {successor}, or leave it with move.kinds.exclude")
    return Hindrance(reason, "install what serves it on green, move its CRD too, or leave it with move.kinds.exclude")
