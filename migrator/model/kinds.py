"""Resource types that the code asks for by name, at versions that all supported minor versions serve."""

from __future__ import annotations

from migrator.model.ref import ResourceType


def _type(group: str, version: str, plural: str, kind: str, *, namespaced: bool = True) -> ResourceType:
    return ResourceType(group, version, plural, kind, namespaced, frozenset())


SERVICES = _type("", "v1", "services", "Service")
INGRESSES = _type("networking.k8s.io", "v1", "ingresses", "Ingress")
STORAGE_CLASSES = _type("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False)
SERVICE_RANGES = _type("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", namespaced=False)
NETWORK_POLICIES = _type("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
API_SERVICES = _type("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False)
NAMESPACES = _type("", "v1", "namespaces", "Namespace", namespaced=False)
CLAIMS = _type("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
NODES = _type("", "v1", "nodes", "Node", namespaced=False)
PODS = _type("", "v1", "pods", "Pod")
EVENTS = _type("", "v1", "events", "Event")
SERVICE_ACCOUNTS = _type("", "v1", "serviceaccounts", "ServiceAccount")
ROLES = _type("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = _type("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
CLUSTER_ROLES = _type("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = _type("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
CONFIG_MAPS = _type("", "v1", "configmaps", "ConfigMap")
VOLUMES = _type("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
ATTACHMENTS = _type("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", namespaced=False)
CSI_NODES = _type("storage.k8s.io", "v1", "csinodes", "CSINode", namespaced=False)
SECRETS = _type("", "v1", "secrets", "Secret")
CEPH_CLUSTERS = _type("ceph.rook.io", "v1", "cephclusters", "CephCluster")
DEPLOYMENTS = _type("apps", "v1", "deployments", "Deployment")
STATEFUL_SETS = _type("apps", "v1", "statefulsets", "StatefulSet")
REPLICA_SETS = _type("apps", "v1", "replicasets", "ReplicaSet")
ROLLOUTS = _type("argoproj.io", "v1alpha1", "rollouts", "Rollout")
DAEMON_SETS = _type("apps", "v1", "daemonsets", "DaemonSet")
BUDGETS = _type("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
DEFINITIONS = _type("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)
VALIDATING = _type(
    "admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", namespaced=False
)
JOBS = _type("batch", "v1", "jobs", "Job")
CRON_JOBS = _type("batch", "v1", "cronjobs", "CronJob")
ENDPOINT_SLICES = _type("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
LEASES = _type("coordination.k8s.io", "v1", "leases", "Lease")
MUTATING = _type(
    "admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", namespaced=False
)
POLICIES = _type("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False)
POLICY_BINDINGS = _type(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", namespaced=False
)
