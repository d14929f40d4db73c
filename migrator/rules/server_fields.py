"""Remove the fields that API server and controllers own, so that green sets its own values."""

from __future__ import annotations

from migrator.model.manifest import Manifest, get, ref_type, without
from migrator.rules.context import Rule, RuleContext

# A create takes no other field of the metadata from a client, but generateName, in whose place the name is (API conventions).
_PERSONS_METADATA = frozenset({"name", "namespace", "labels", "annotations", "finalizers", "ownerReferences"})
CONTROLLER_ANNOTATIONS = (
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-resizer",
    "volume.beta.kubernetes.io/storage-resizer",
    "cattle.io/status",
    # That a controller has done its work once: kept, green's would not do it.
    "lifecycle.cattle.io/create.",
    "cni.projectcalico.org/containerID",
    "cni.projectcalico.org/podIP",
    "k8s.ovn.org/pod-networks",
    "k8s.v1.cni.cncf.io/network-status",
    "k8s.v1.cni.cncf.io/networks-status",
    "kubernetes.io/service-account.uid",
    "batch.kubernetes.io/job-tracking",
    "batch.kubernetes.io/cronjob-scheduled-timestamp",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "autoscaling.alpha.kubernetes.io/",
    "control-plane.alpha.kubernetes.io/leader",
    # Versions of the object that was replicated, as its cluster counts them.
    "reflector.v1.k8s.emberstack.com/reflected-",
    "replicator.v1.mittwald.de/replicated-at",
    "replicator.v1.mittwald.de/replicated-from-version",
    "rollout.argoproj.io/revision",
    "rollout.argoproj.io/workload-generation",
    "rabbitmq.com/before-zero-replicas-configured",
    # That nodes have found each other once: kept, none of green's, which are empty, would elect a master (cloud-on-k8s#2792).
    "elasticsearch.k8s.elastic.co/cluster-uuid",
    "elasticsearch.k8s.elastic.co/initial-master-nodes",
)
"""Annotations, or prefixes of them, that blue's controllers wrote and green's controllers write again."""


def strip_server_fields(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the manifest without server-owned metadata, and without a status that controllers write again."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key in _PERSONS_METADATA}
    kept = manifest if ref_type(manifest) in context.blue.plain_status else without(manifest, "status")
    return {**kept, "metadata": metadata}


def strip_controller_annotations(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the manifest without the annotations that controllers write."""
    annotations = manifest["metadata"].get("annotations")
    if not annotations:
        return manifest
    kept = {key: value for key, value in annotations.items() if not key.startswith(CONTROLLER_ANNOTATIONS)}
    if len(kept) == len(annotations):
        return manifest
    metadata = {**manifest["metadata"], "annotations": kept} if kept else without(manifest["metadata"], "annotations")
    return {**manifest, "metadata": metadata}


def strip_aggregated_rules(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return an aggregated ClusterRole without its rules; green's controller fills them in."""
    # Its controller replaces them by those of the roles that match (rbac/v1, ClusterRole aggregationRule).
    return without(manifest, "rules") if get(manifest, "aggregationRule") else manifest


def strip_namespace_spec(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the Namespace without the server's own `kubernetes` finalizer."""
    return without(manifest, "spec")


RULES = (
    Rule("server-fields", strip_server_fields),
    Rule("controller-annotations", strip_controller_annotations),
    Rule("aggregated-rules", strip_aggregated_rules, frozenset({"ClusterRole.rbac.authorization.k8s.io"})),
    Rule("namespace-spec", strip_namespace_spec, frozenset({"Namespace"})),
)
