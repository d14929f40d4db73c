"""API versions that minors stop serving, as the types themselves say (`APILifecycleRemoved` in k8s.io/api 0.36 and 0.37)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Removed(NamedTuple):
    """A kind at a version, and the first minor without it."""

    group: str
    version: str
    kind: str
    minor: int

    @property
    def name(self) -> str:
        """`group/version/Kind`."""
        return f"{self.group}/{self.version}/{self.kind}"


_TABLE: tuple[tuple[int, str, str, str], ...] = (
    (25, "batch", "v1beta1", "CronJob"),
    (25, "discovery.k8s.io", "v1beta1", "EndpointSlice"),
    (25, "events.k8s.io", "v1beta1", "Event"),
    (25, "node.k8s.io", "v1beta1", "RuntimeClass"),
    (25, "policy", "v1beta1", "PodDisruptionBudget PodSecurityPolicy"),
    (26, "autoscaling", "v2beta2", "HorizontalPodAutoscaler"),
    (26, "flowcontrol.apiserver.k8s.io", "v1beta1", "FlowSchema PriorityLevelConfiguration"),
    (27, "storage.k8s.io", "v1beta1", "CSIStorageCapacity"),
    (29, "flowcontrol.apiserver.k8s.io", "v1beta2", "FlowSchema PriorityLevelConfiguration"),
    (32, "flowcontrol.apiserver.k8s.io", "v1beta3", "FlowSchema PriorityLevelConfiguration"),
    (32, "admissionregistration.k8s.io", "v1alpha1", "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding"),
    (34, "admissionregistration.k8s.io", "v1beta1", "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding"),
    (35, "storage.k8s.io", "v1alpha1", "VolumeAttributesClass"),
    (37, "certificates.k8s.io", "v1alpha1", "ClusterTrustBundle"),
    (37, "networking.k8s.io", "v1beta1", "IPAddress ServiceCIDR"),
    (37, "storage.k8s.io", "v1beta1", "VolumeAttributesClass"),
    (38, "admissionregistration.k8s.io", "v1alpha1", "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding"),
    (38, "coordination.k8s.io", "v1alpha2", "LeaseCandidate"),
    (38, "resource.k8s.io", "v1beta1", "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice"),
    (39, "coordination.k8s.io", "v1beta1", "LeaseCandidate"),
    (39, "resource.k8s.io", "v1alpha3", "DeviceTaintRule"),
    (39, "resource.k8s.io", "v1beta2", "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice"),
    (40, "admissionregistration.k8s.io", "v1beta1", "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding"),
    (40, "certificates.k8s.io", "v1beta1", "ClusterTrustBundle"),
)


def removed_by(minor: int) -> Iterator[Removed]:
    """Yield what this minor serves no more."""
    for since, group, version, kinds in _TABLE:
        if since <= minor:
            for kind in kinds.split():
                yield Removed(group, version, kind, since)


def removed_between(start: int, target: int) -> list[Removed]:
    """Return what goes away on the way from one minor to another."""
    return [item for item in removed_by(target) if item.minor > start]
