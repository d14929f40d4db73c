"""Which objects are not moved, and why; every skipped object is shown with one of these reasons."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import NamedTuple

import orjson

from migrator.model.kinds import POLICIES, POLICY_BINDINGS
from migrator.model.manifest import Manifest, get, ref_of
from migrator.model.ref import ObjectRef, ResourceType
from migrator.rules import accounts, patroni, shared, snapshots, storage
from migrator.rules.context import RuleContext
from migrator.rules.holders import is_holder
from migrator.rules.one_side import guard
from migrator.rules.ownership import regenerating_owner
from migrator.rules.person import selects
from migrator.rules.shared_storage import has_one_user
from migrator.rules.staying_kinds import SKIPPED_GROUPS, SKIPPED_KINDS

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})

SYSTEM = "system namespace: include single objects with move.objects.include"
BEING_DELETED = "being deleted on blue"
AGGREGATED = "stored by an aggregated API server: move that server's storage"


class SkipRule(NamedTuple):
    """A reason, and the objects that it applies to."""

    reason: str
    applies: Callable[[Manifest, RuleContext], bool]
    types: frozenset[str] | None = None
    system: bool = False
    """Whether a person may include such an object with move.objects.include."""


def kind_skip(resource: ResourceType, context: RuleContext) -> str:
    """Return why no object of this type is moved, or an empty string."""
    if reason := SKIPPED_KINDS.get(resource.type_name) or SKIPPED_GROUPS.get(resource.group):
        return reason
    # Not in etcd of the cluster: metrics-server, for example, keeps its objects in memory.
    if resource.group in context.blue.aggregated_groups:
        return AGGREGATED
    # Such as SubjectAccessReview: an answer to a request, which nobody can list.
    if not {"list", "create"} <= resource.verbs:
        return "not stored by the API server"
    kinds = context.config.move.kinds
    names = (resource.kind, resource.type_name)
    if not _taken(names, kinds.include) or _taken(names, kinds.exclude):
        return "kind left out by move.kinds"
    # A Namespace has a setting of its own, and namespaced objects need theirs.
    if not resource.namespaced and not context.config.move.cluster_scoped and resource.kind != "Namespace":
        return "cluster-scoped, left out by move.clusterScoped"
    return ""


def skip_reason(manifest: Manifest, ref: ObjectRef, context: RuleContext) -> str:
    """Return why an object is not moved, or an empty string."""
    labels = manifest["metadata"].get("labels") or {}
    if reason := left_out(ref, labels, context):
        return reason
    return _rule_reason(manifest, ref, context, included=_included(ref, labels, context))


def is_left_by_rule(manifest: Manifest, ref: ObjectRef, context: RuleContext) -> bool:
    """Return whether an object would not be moved, whatever namespace it is in."""
    return bool(_rule_reason(manifest, ref, context, included=False))


def _rule_reason(manifest: Manifest, ref: ObjectRef, context: RuleContext, *, included: bool) -> str:
    type_name = ref.type_name
    for rule in RULES:
        if (rule.types is None or type_name in rule.types) and not (rule.system and included) and rule.applies(manifest, context):
            return rule.reason
    owner = regenerating_owner(manifest, context.blue.aggregated_groups)
    return f"created again by the controller of its {owner}" if owner else ""


def left_out(ref: ObjectRef, labels: dict[str, str], context: RuleContext) -> str:
    """Return why an object that may only be known by its name is not moved, or an empty string."""
    if any(selects(selector, ref, labels) for selector in context.config.move.objects.exclude):
        return "left out by move.objects.exclude"
    return "" if _included(ref, labels, context) else _namespace_reason(ref, context)


def is_included(manifest: Manifest, ref: ObjectRef, context: RuleContext) -> bool:
    """Return whether a person names this object in move.objects.include."""
    return _included(ref, manifest["metadata"].get("labels") or {}, context)


def is_of_the_cluster(manifest: Manifest, ref: ObjectRef) -> bool:
    """Return whether a controller of every cluster makes this object in each namespace, or for another object."""
    if ref.type_name == "ConfigMap":
        return _is_published(manifest)
    if ref.type_name == "Secret":
        return accounts.is_generated_token(manifest)
    return ref.type_name == "EndpointSlice.discovery.k8s.io" and _is_managed_slice(manifest)


def _included(ref: ObjectRef, labels: dict[str, str], context: RuleContext) -> bool:
    return any(selects(selector, ref, labels) for selector in context.config.move.objects.include)


def _namespace_reason(ref: ObjectRef, context: RuleContext) -> str:
    namespace = ref.name if ref.type_name == "Namespace" else ref.namespace
    if not namespace:
        return ""
    if namespace in SYSTEM_NAMESPACES:
        return SYSTEM
    names = context.config.move.namespaces
    if not _taken((namespace,), names.include) or _taken((namespace,), names.exclude):
        return "namespace left out by move.namespaces"
    return ""


def _taken(names: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _is_system_rbac(manifest: Manifest, _: RuleContext) -> bool:
    """Return whether the API server or kubeadm made this role or binding, by its label or its manager.

    A name tells nothing: add-ons name their roles `system:...`, too. Of kubeadm's own names only, a cluster that is older
    than field management (Kubernetes 1.18) may have no manager.
    """
    metadata = manifest["metadata"]
    managers = {entry.get("manager") for entry in metadata.get("managedFields") or []}
    return (
        # The API server sets this label on its default roles and bindings, and repairs them when it starts (docs: RBAC).
        get(metadata, "labels", "kubernetes.io/bootstrapping") == "rbac-defaults"
        or "kubeadm" in managers
        or (not managers and (metadata["name"].startswith("kubeadm:") or metadata["name"] in _KUBEADM_NAMES))
    )


def _is_bare_default(manifest: Manifest) -> bool:
    return shared.is_shared(ref_of(manifest)) and shared.is_bare(manifest)


def _has_selector_service(manifest: Manifest, context: RuleContext) -> bool:
    metadata = manifest["metadata"]
    return (metadata["namespace"], metadata["name"]) in context.blue.selector_services


def _is_left_by_controller(manifest: Manifest, _: RuleContext) -> bool:
    """Return whether nobody but a controller has written these endpoints, although their Service has no selector.

    It had one, and they were not deleted with it (kubernetes#103804, #105986): green would send traffic to blue's pods, or to
    whoever has their addresses there.
    """
    managers = {entry.get("manager") for entry in manifest["metadata"].get("managedFields") or []}
    return bool(managers) and managers <= {"kube-controller-manager"}


def _is_published(manifest: Manifest) -> bool:
    """Return whether a controller of each cluster writes this ConfigMap into every namespace."""
    name = manifest["metadata"]["name"]
    return name in _AUTHORITIES or (name in _ISTIO_AUTHORITIES and get(manifest, "metadata", "labels", "istio.io/config") == "true")


def _names_own_monitors(manifest: Manifest) -> bool:
    """Return whether Rook keeps here where the monitors of its own Ceph are; an external one has none on nodes."""
    if manifest["metadata"]["name"] != "rook-ceph-mon-endpoints":
        return False
    try:
        mapping = orjson.loads(get(manifest, "data", "mapping") or "{}")
    except orjson.JSONDecodeError:
        return False
    return bool(isinstance(mapping, dict) and mapping.get("node"))


def _is_managed_slice(manifest: Manifest) -> bool:
    manager = get(manifest, "metadata", "labels", "endpointslice.kubernetes.io/managed-by") or ""
    # endpointslice-controller.k8s.io or endpointslicemirroring-controller.k8s.io; whoever makes slices by hand names another
    # manager (k8s.io/api/discovery/v1, LabelManagedBy).
    return manager.endswith("-controller.k8s.io")


_KUBEADM_NAMES = frozenset({"system:coredns"})
# Authorities of a cluster, which a controller publishes into each namespace: Kubernetes' (KEP-1205), OpenShift's.
_AUTHORITIES = frozenset({"kube-root-ca.crt", "openshift-service-ca.crt"})
# Istio's, with its label (istio.io: istiod, namespace controller), and what that authority has revoked (since 1.27).
_ISTIO_AUTHORITIES = frozenset({"istio-ca-root-cert", "istio-ca-crl"})
_RBAC = frozenset({f"{kind}.rbac.authorization.k8s.io" for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")})
_FLOW = frozenset({"FlowSchema.flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io"})
RULES = (
    SkipRule(BEING_DELETED, lambda manifest, _: "deletionTimestamp" in manifest["metadata"]),
    SkipRule("bootstrap RBAC: green has its own", _is_system_rbac, _RBAC, system=True),
    SkipRule(
        "the account of this tool itself",
        lambda manifest, _: manifest["metadata"]["name"] in ("migrator-blue", "migrator-green"),
        _RBAC,
    ),
    SkipRule(
        "guard of a hand-over: this tool makes and removes it",
        lambda manifest, _: guard.LABEL in (get(manifest, "metadata", "labels") or {}),
        frozenset({POLICIES.type_name, POLICY_BINDINGS.type_name}),
    ),
    SkipRule("holds a volume mounted: this tool makes and removes it", lambda manifest, _: is_holder(manifest), frozenset({"Pod"})),
    SkipRule(
        "exists on every cluster, and nobody gave it labels or annotations",
        lambda manifest, context: _is_bare_default(manifest) and context.green_namespace("default") == "default",
        frozenset({"Namespace"}),
    ),
    SkipRule(
        "exists on every cluster",
        lambda manifest, _: manifest["metadata"]["namespace"] == "default" and manifest["metadata"]["name"] == "kubernetes",
        frozenset({"Service", "Endpoints", "EndpointSlice.discovery.k8s.io"}),
    ),
    SkipRule(
        "published by green's own controller",
        lambda manifest, _: _is_published(manifest),
        frozenset({"ConfigMap"}),
    ),
    SkipRule(
        # Its keys stay, too (`ownership.REGENERATED`); rook.io, disaster recovery, copies both to bring back the same Ceph.
        "monitors of blue's Ceph: green's Rook would take them for its own",
        lambda manifest, _: _names_own_monitors(manifest),
        frozenset({"ConfigMap"}),
        system=True,
    ),
    SkipRule(
        # One without a signer is a person's (KEP-3257), and pods mount it by its name.
        "published by the cluster's own signer",
        lambda manifest, _: bool(get(manifest, "spec", "signerName")),
        frozenset({"ClusterTrustBundle.certificates.k8s.io"}),
    ),
    SkipRule(
        "default account without changes: green has its own",
        lambda manifest, _: _is_bare_default(manifest),
        frozenset({"ServiceAccount"}),
    ),
    SkipRule(
        "token signed by blue: green's controller signs its own",
        lambda m, _: accounts.is_generated_token(m),
        frozenset({"Secret"}),
    ),
    SkipRule(
        "bootstrap token of blue",
        lambda manifest, _: manifest.get("type") == "bootstrap.kubernetes.io/token",
        frozenset({"Secret"}),
        system=True,
    ),
    SkipRule("created again from the Service's selector", _has_selector_service, frozenset({"Endpoints"})),
    SkipRule(
        "left by the Endpoints controller: its addresses are of pods of blue", _is_left_by_controller, frozenset({"Endpoints"})
    ),
    SkipRule(
        "created again by the EndpointSlice controller",
        lambda m, _: _is_managed_slice(m),
        frozenset({"EndpointSlice.discovery.k8s.io"}),
    ),
    SkipRule(
        "leader election record",
        # Where client-go elected leaders before there were Leases, and where Patroni does.
        lambda manifest, _: (
            bool(get(manifest, "metadata", "annotations", "control-plane.alpha.kubernetes.io/leader"))
            or patroni.is_election(manifest)
        ),
        frozenset({"ConfigMap", "Endpoints"}),
    ),
    SkipRule(
        "static pod of a node",
        # The kubelet makes it from a file of its node (k8s.io/kubernetes/pkg/kubelet/types, ConfigMirrorAnnotationKey).
        lambda manifest, _: bool(get(manifest, "metadata", "annotations", "kubernetes.io/config.mirror")),
        frozenset({"Pod"}),
    ),
    SkipRule(
        "finished pod",
        lambda manifest, _: get(manifest, "status", "phase") in ("Succeeded", "Failed"),
        frozenset({"Pod"}),
    ),
    SkipRule(
        "handed over: it is made on green once blue no longer uses it",
        storage.is_handed_volume,
        frozenset({"PersistentVolume"}),
    ),
    SkipRule(
        "created by a provisioner: green's provisioner creates its own",
        lambda m, _: storage.is_provisioned(m),
        frozenset({"PersistentVolume"}),
    ),
    SkipRule(
        "a disk for one user, which blue uses: `volumes.claims: way: handOver` gives it to green once blue no longer uses it",
        lambda m, _: get(m, "status", "phase") == "Bound" and has_one_user(m),
        frozenset({"PersistentVolume"}),
    ),
    SkipRule(
        "its claim is gone and the data of it is still there: on green any claim could take it",
        lambda manifest, _: get(manifest, "status", "phase") in ("Released", "Failed"),
        frozenset({"PersistentVolume"}),
    ),
    SkipRule(
        "taken by a storage driver for blue: whoever deletes it on green deletes it for blue, too",
        snapshots.is_taken_by_a_driver,
        snapshots.CONTENTS,
    ),
    SkipRule(
        "made by a storage driver for blue: whoever deletes it on green deletes the bucket for blue, too",
        # One that a person made names what is there (KEP-1979).
        lambda manifest, _: not get(manifest, "spec", "existingBucketID"),
        frozenset({"Bucket.objectstorage.k8s.io"}),
    ),
    SkipRule(
        "would be taken anew, of what the claim on green holds; the one on blue stays there",
        snapshots.asks_for_a_new_one,
        snapshots.SNAPSHOTS,
    ),
    SkipRule(
        "managed by the API server itself",
        lambda manifest, _: (
            get(manifest, "metadata", "labels", "kube-aggregator.kubernetes.io/automanaged") is not None
            or get(manifest, "spec", "service") is None
        ),
        frozenset({"APIService.apiregistration.k8s.io"}),
    ),
    SkipRule(
        "managed by the API server itself",
        lambda manifest, _: (
            get(manifest, "metadata", "annotations", "apf.kubernetes.io/autoupdate-spec") == "true"
            or manifest["metadata"]["name"] in ("exempt", "catch-all")
        ),
        _FLOW,
    ),
    SkipRule(
        "exists on every cluster",
        lambda manifest, _: manifest["metadata"]["name"].startswith("system-"),
        frozenset({"PriorityClass.scheduling.k8s.io"}),
    ),
    SkipRule(
        # One that no Subscription names as its own keeps the Operator Lifecycle Manager from resolving any in its namespace.
        "installed by a Subscription: the Operator Lifecycle Manager installs it again",
        lambda manifest, _: any(label.startswith("operators.coreos.com/") for label in get(manifest, "metadata", "labels") or {}),
        frozenset({"ClusterServiceVersion.operators.coreos.com"}),
    ),
    SkipRule(
        "copy made by the Operator Lifecycle Manager",
        lambda manifest, _: get(manifest, "metadata", "labels", "olm.copiedFrom") is not None,
        frozenset({"ClusterServiceVersion.operators.coreos.com"}),
    ),
)
