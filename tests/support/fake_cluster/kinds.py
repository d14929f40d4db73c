"""What the fake knows of kinds: which are served, and what their validation forbids to change."""

from __future__ import annotations

from migrator.model.manifest import Manifest, get
from migrator.model.ref import ResourceType

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
_NAMESPACED = {
    ("", "v1"): {
        "configmaps": "ConfigMap",
        "endpoints": "Endpoints",
        "events": "Event",
        "limitranges": "LimitRange",
        "persistentvolumeclaims": "PersistentVolumeClaim",
        "pods": "Pod",
        "resourcequotas": "ResourceQuota",
        "secrets": "Secret",
        "serviceaccounts": "ServiceAccount",
        "services": "Service",
    },
    ("apps", "v1"): {
        "controllerrevisions": "ControllerRevision",
        "daemonsets": "DaemonSet",
        "deployments": "Deployment",
        "replicasets": "ReplicaSet",
        "statefulsets": "StatefulSet",
    },
    ("batch", "v1"): {"cronjobs": "CronJob", "jobs": "Job"},
    ("autoscaling", "v2"): {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    ("coordination.k8s.io", "v1"): {"leases": "Lease"},
    ("discovery.k8s.io", "v1"): {"endpointslices": "EndpointSlice"},
    ("networking.k8s.io", "v1"): {"ingresses": "Ingress", "networkpolicies": "NetworkPolicy"},
    ("policy", "v1"): {"poddisruptionbudgets": "PodDisruptionBudget"},
    ("rbac.authorization.k8s.io", "v1"): {"rolebindings": "RoleBinding", "roles": "Role"},
}
_CLUSTER = {
    ("", "v1"): {"namespaces": "Namespace", "nodes": "Node", "persistentvolumes": "PersistentVolume"},
    ("admissionregistration.k8s.io", "v1"): {
        "mutatingadmissionpolicies": "MutatingAdmissionPolicy",
        "mutatingadmissionpolicybindings": "MutatingAdmissionPolicyBinding",
        "mutatingwebhookconfigurations": "MutatingWebhookConfiguration",
        "validatingadmissionpolicies": "ValidatingAdmissionPolicy",
        "validatingadmissionpolicybindings": "ValidatingAdmissionPolicyBinding",
        "validatingwebhookconfigurations": "ValidatingWebhookConfiguration",
    },
    ("apiextensions.k8s.io", "v1"): {"customresourcedefinitions": "CustomResourceDefinition"},
    ("apiregistration.k8s.io", "v1"): {"apiservices": "APIService"},
    ("networking.k8s.io", "v1"): {"ingressclasses": "IngressClass", "servicecidrs": "ServiceCIDR"},
    ("rbac.authorization.k8s.io", "v1"): {"clusterrolebindings": "ClusterRoleBinding", "clusterroles": "ClusterRole"},
    ("scheduling.k8s.io", "v1"): {"priorityclasses": "PriorityClass"},
    ("storage.k8s.io", "v1"): {"csinodes": "CSINode", "storageclasses": "StorageClass", "volumeattachments": "VolumeAttachment"},
}
SERVED = tuple(
    ResourceType(group, version, plural, kind, namespaced, _VERBS)
    for table, namespaced in ((_NAMESPACED, True), (_CLUSTER, False))
    for (group, version), kinds in table.items()
    for plural, kind in kinds.items()
)
WITHOUT_STATUS = frozenset(
    {"ConfigMap", "Secret", "ServiceAccount", "Endpoints", "EndpointSlice", "Lease", "Role", "RoleBinding", "ClusterRole"}
    | {"ClusterRoleBinding", "StorageClass", "PriorityClass", "LimitRange", "Event", "ControllerRevision", "IngressClass"}
    | {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
    | {"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicyBinding"}
)
"""Kinds without a status subresource."""
WITHOUT_GENERATION = WITHOUT_STATUS - {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} | {
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ResourceQuota",
    "Service",
}
"""Kinds whose metadata has no generation."""
IMMUTABLE: dict[str, tuple[tuple[str, ...], ...]] = {
    "Service": (("spec", "clusterIP"),),
    "Job": (("spec", "template"), ("spec", "selector"), ("spec", "completions")),
    "Deployment": (("spec", "selector"),),
    "StatefulSet": (("spec", "selector"), ("spec", "serviceName"), ("spec", "volumeClaimTemplates")),
    "DaemonSet": (("spec", "selector"),),
    "RoleBinding": (("roleRef",),),
    "ClusterRoleBinding": (("roleRef",),),
    "PersistentVolumeClaim": (("spec", "storageClassName"), ("spec", "accessModes")),
    "StorageClass": (("provisioner",), ("parameters",)),
}
"""Paths that an update may not change (k8s.io/kubernetes/pkg/apis/*/validation)."""


def refused_on_create(manifest: Manifest) -> str:
    """Return what validation forbids on a create only; empty for what may be created."""
    annotation = get(manifest, "metadata", "annotations", "kubernetes.io/ingress.class")
    field = get(manifest, "spec", "ingressClassName")
    if manifest["kind"] == "Ingress" and annotation and field and annotation != field:
        return "annotations.kubernetes.io/ingress.class: Invalid value: must match `ingressClassName` when both are specified"
    return ""
