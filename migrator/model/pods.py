"""What a drain does with a pod, and label selectors; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrator.model.manifest import Manifest, get, pod_spec

if TYPE_CHECKING:
    from migrator.model.upgrade import DrainRules  # a copy needs nothing else of an upgrade

MIRROR = "kubernetes.io/config.mirror"
"""Annotation of what a kubelet tells of a static pod."""


@dataclass(slots=True, frozen=True)
class PodDecision:
    """What a drain does with one pod."""

    pod: Manifest
    stays: str = ""
    """Why it stays where it is; empty: it goes."""
    refused: str = ""
    """Why the drain may not begin with it."""
    hint: str = ""
    lost: str = ""
    """What is lost with it."""

    @property
    def name(self) -> str:
        """`namespace/name`."""
        return pod_name(self.pod)


def spec_of_pods(workload: Manifest) -> Manifest:
    """Return the spec of the pods that a workload makes: its template's, with the volumes of a StatefulSet's claims.

    Its template mounts what its controller adds (apps/v1, volumeClaimTemplates): no API server takes a pod of the template alone.
    """
    spec, name = pod_spec(workload) or {}, workload["metadata"].get("name")
    claims = [claim["metadata"]["name"] for claim in get(workload, "spec", "volumeClaimTemplates") or []]
    if not claims:
        return spec
    others = [item for item in spec.get("volumes") or [] if item.get("name") not in claims]
    made = [{"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}-0"}} for claim in claims]
    return {**spec, "volumes": [*others, *made]}


def pod_name(pod: Manifest) -> str:
    """Return `namespace/name`."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def controller_of(pod: Manifest) -> dict[str, Any] | None:
    """Return the owner that makes a pod again."""
    return next((owner for owner in pod["metadata"].get("ownerReferences") or [] if owner.get("controller")), None)


def is_ready(pod: Manifest) -> bool:
    """Return whether a pod is Ready."""
    conditions = get(pod, "status", "conditions") or []
    return any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)


def decide(pod: Manifest, rules: DrainRules) -> PodDecision:
    """Return what a drain does with a pod: the rules of `kubectl drain`, so that nobody is surprised."""
    metadata = pod["metadata"]
    if MIRROR in (metadata.get("annotations") or {}):
        return PodDecision(pod, stays="mirror of a static pod")
    controller = controller_of(pod)
    # Before the rule for DaemonSets: kubectl deletes what has ended, whoever made it.
    if get(pod, "status", "phase") in ("Succeeded", "Failed"):
        return PodDecision(pod)
    if controller and controller["kind"] == "DaemonSet":
        return PodDecision(pod, stays=f"belongs to DaemonSet {controller['name']}")
    volumes = [item["name"] for item in get(pod, "spec", "volumes") or [] if "emptyDir" in item]
    lost = f"what is in its emptyDir {', '.join(volumes)}" if volumes else ""
    if not controller and not rules.force:
        return PodDecision(pod, refused="no controller makes it again", hint="--force deletes it for good", lost=lost)
    if volumes and not rules.delete_emptydir_data:
        hint = f"with --delete-emptydir-data the drain continues; {lost} is lost"
        return PodDecision(pod, refused=f"has local data in emptyDir {', '.join(volumes)}", hint=hint, lost=lost)
    return PodDecision(pod, lost="the pod itself: no controller makes it again" if not controller else lost)


def decisions(pods: Iterable[Manifest], rules: DrainRules) -> list[PodDecision]:
    """Return what a drain does with these pods."""
    return [decide(pod, rules) for pod in pods]


def claims_of(pod: Manifest) -> list[tuple[str, str]]:
    """Return namespace and name of the claims that a pod mounts; one of its own (ephemeral) is named after it."""
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    found = []
    for item in get(pod, "spec", "volumes") or []:
        if "persistentVolumeClaim" in item:
            found.append((namespace, item["persistentVolumeClaim"]["claimName"]))
        elif "ephemeral" in item:
            found.append((namespace, f"{name}-{item['name']}"))
    return found


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether a LabelSelector (meta/v1) matches these labels."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(meets(item, labels) for item in selector.get("matchExpressions") or [])


def admits(term: Mapping[str, Any], node: Manifest) -> bool:
    """Return whether a NodeSelectorTerm (core/v1) takes a node; one without requirements takes none."""
    labels, name = node["metadata"].get("labels") or {}, node["metadata"]["name"]
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    # core/v1, NodeSelectorTerm: a null or empty term matches no objects.
    if not expressions and not fields:
        return False
    return all(meets(item, labels) for item in expressions) and all(meets(item, {"metadata.name": name}) for item in fields)


def meets(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether labels meet one requirement, of a LabelSelector or a NodeSelector (core/v1)."""
    value, wanted = labels.get(requirement["key"]), requirement.get("values") or []
    operator = requirement["operator"]
    if operator == "In":
        return value in wanted
    if operator == "NotIn":
        return value not in wanted
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    if value is None or not value.lstrip("-").isdigit():
        return False
    return int(value) > int(wanted[0]) if operator == "Gt" else int(value) < int(wanted[0])
