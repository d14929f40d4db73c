"""Owner references: which children a controller creates again, and which references are kept.

`relinked` replaces the UIDs when the object is written, because green's UIDs are known only then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from migrator.model.manifest import Manifest, put, without
from migrator.model.ref import ObjectRef
from migrator.rules.context import Rule, RuleContext

REGENERATED = frozenset(
    {
        ("ReplicaSet", "Deployment"),
        ("ReplicationController", "DeploymentConfig"),
        # Argo Rollouts: one that stood beside the others on green would be scaled by its Rollout, whatever holds it.
        ("ReplicaSet", "Rollout"),
        ("ReplicaSet", "Experiment"),
        ("AnalysisRun", "Rollout"),
        ("AnalysisRun", "Experiment"),
        ("Experiment", "Rollout"),
        ("Job", "CronJob"),
        *(("Job", kind) for kind in ("AdvancedCronJob", "ScaledJob")),
        ("Job", "JobConfig"),
        ("BroadcastJob", "AdvancedCronJob"),
        ("RayJob", "RayCronJob"),
        ("SparkApplication", "ScheduledSparkApplication"),
        *(("Workflow", kind) for kind in ("CronWorkflow", "ScheduledWorkflow")),
        # KEDA deletes it while its ScaledObject is paused, as a held one is (keda#6982).
        ("HorizontalPodAutoscaler", "ScaledObject"),
        ("ControllerRevision", "StatefulSet"),
        ("ControllerRevision", "DaemonSet"),
        ("EndpointSlice", "Service"),
        ("EndpointSlice", "Endpoints"),
        ("ResourceClaim", "Pod"),
        ("PersistentVolumeClaim", "Pod"),
        ("CertificateRequest", "Certificate"),
        ("Order", "CertificateRequest"),
        ("Challenge", "Order"),
        # A revision of Knative is found by its generation, which begins at 1 again: an old one would be taken for the newest.
        ("Configuration", "Service"),
        ("Route", "Service"),
        ("Revision", "Configuration"),
        *((kind, "Revision") for kind in ("Deployment", "Image", "PodAutoscaler")),
        *((kind, "PodAutoscaler") for kind in ("Metric", "ServerlessService")),
        *((kind, "ServerlessService") for kind in ("Endpoints", "EndpointSlice", "Service")),
        *((kind, "Route") for kind in ("Certificate", "Ingress", "Service")),
        ("Route", "Ingress"),
        ("VirtualMachine", "VirtualMachinePool"),
        ("VirtualMachineInstance", "VirtualMachine"),
        ("VirtualMachineInstance", "VirtualMachineInstanceReplicaSet"),
        ("Workload", "Job"),
        *(("PodGroup", owner) for owner in ("Job", "Workload")),
        # Of a Ceph of its own: with its keys, green's Rook would be an administrator of blue's, and replace its monitors.
        *((kind, "CephCluster") for kind in ("CronJob", "Deployment", "Job", "PodDisruptionBudget", "Secret")),
    }
)
"""Pairs of kinds (child, controlling owner) where the owner's controller creates the child again."""


# A kind, and kind and group of an owner whose controller sets the reference again (cert-manager, --enable-certificate-owner-ref;
# a StatefulSet's persistentVolumeClaimRetentionPolicy).
#
# Kept, it would put the object behind its owner, whose controller makes anew what is not there yet: it orders a certificate, or
# makes a claim as its template says, smaller than it has grown to (velero#7862).
_SET_AGAIN = frozenset({("Secret", "Certificate", "cert-manager.io"), ("PersistentVolumeClaim", "StatefulSet", "apps")})
# Kinds of owners whose dependents are records of one run or one node: locks, credentials, reports.
_OF_ONE_CLUSTER = frozenset({"Pod", "ReplicaSet.apps", "ReplicationController", "Job.batch", "Node"})


class Owner(NamedTuple):
    """An owner reference."""

    uid: str
    type_name: str


UidOf = Callable[[Manifest], str]
"""Returns the UID on green for an owner reference of blue."""


def regenerating_owner(manifest: Manifest, absent: Collection[str] = ()) -> str:
    """Return the kind of the controlling owner that creates this object again, or an empty string.

    `absent`: API groups of which nothing moves; without its owner a pod is nothing, and all else would be lost.
    """
    for owner in manifest["metadata"].get("ownerReferences") or []:
        is_pod = manifest["kind"] == "Pod"
        moves = is_pod or str(owner.get("apiVersion")).rpartition("/")[0] not in absent
        if owner.get("controller") and moves and (is_pod or (manifest["kind"], owner["kind"]) in REGENERATED):
            return str(owner["kind"])
    return ""


def owners_of(manifest: Manifest) -> tuple[Owner, ...]:
    """Return the owner references of an object."""
    found = []
    for item in manifest["metadata"].get("ownerReferences") or []:
        group, slash, _ = item["apiVersion"].rpartition("/")
        found.append(Owner(item["uid"], f"{item['kind']}.{group}" if slash else item["kind"]))
    return tuple(found)


def left_behind(
    owned: Mapping[ObjectRef, tuple[Owner, ...]],
    uids: Mapping[str, ObjectRef],
    staying: Collection[ObjectRef],
    never_moved: Collection[str],
    going: Collection[ObjectRef] = (),
) -> dict[ObjectRef, str]:
    """Return the objects that live and die with what stays behind, and the name of an owner of each.

    Blue's garbage collector deletes such an object with its owners; on green it would have none, and live for ever: an
    operator there waits for a lock that nobody holds. `never_moved`: kinds that are not moved, whose objects are not in `uids`.
    `going`: what is being deleted on blue, often for months behind a finalizer, and takes along all that it owns alone.
    """
    left: dict[ObjectRef, str] = {}
    kept_by: dict[ObjectRef, set[str]] = {}
    dependents: dict[str, list[ObjectRef]] = {}
    for ref, owners in owned.items():
        lasting = (owner for owner in owners if uids.get(owner.uid) not in going)
        kept_by[ref] = {owner.uid for owner in lasting if not _is_lost(owner, uids, staying, never_moved)}
        for uid in kept_by[ref]:
            dependents.setdefault(uid, []).append(ref)
    uid_of = {ref: uid for uid, ref in uids.items() if uid in dependents}
    lost = [ref for ref, keepers in kept_by.items() if not keepers]
    while lost:
        ref = lost.pop()
        left[ref] = _name(owned[ref], uids)
        uid = uid_of.get(ref, "")
        for dependent in dependents.get(uid, ()):
            kept_by[dependent].discard(uid)
            if not kept_by[dependent]:
                lost.append(dependent)
    return left


def _is_lost(owner: Owner, uids: Mapping[str, ObjectRef], staying: Collection[ObjectRef], never_moved: Collection[str]) -> bool:
    return owner.type_name in never_moved or (uids.get(owner.uid) in staying and owner.type_name in _OF_ONE_CLUSTER)


def _name(owners: Iterable[Owner], uids: Mapping[str, ObjectRef]) -> str:
    owner = next(iter(owners))
    ref = uids.get(owner.uid)
    return f"{owner.type_name} {ref.name}" if ref else owner.type_name


def drop_lost_owners(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the object without references to owners that are not moved, and without those that a controller there sets again.

    Green's garbage collector would delete an object whose only owners do not exist there.
    """
    owners = manifest["metadata"].get("ownerReferences")
    if not owners:
        return manifest
    kept = [owner for owner in owners if _moves(owner["uid"], context) and not _is_set_again(manifest["kind"], owner)]
    if len(kept) == len(owners):
        return manifest
    if kept:
        return put(manifest, ("metadata", "ownerReferences"), kept)
    return {**manifest, "metadata": without(manifest["metadata"], "ownerReferences")}


def _is_set_again(kind: str, owner: Mapping[str, Any]) -> bool:
    return (kind, owner.get("kind"), str(owner.get("apiVersion")).partition("/")[0]) in _SET_AGAIN


def _moves(uid: str, context: RuleContext) -> bool:
    ref = context.blue.uids.get(uid)
    return ref is not None and ref not in context.blue.staying


def relinked(manifest: Manifest, uid_of: UidOf) -> Manifest:
    """Return the manifest with its owners' UIDs on green."""
    owners = manifest["metadata"].get("ownerReferences")
    if not owners:
        return manifest
    return put(manifest, ("metadata", "ownerReferences"), [{**owner, "uid": uid_of(owner)} for owner in owners])


RULES = (Rule("lost-owners", drop_lost_owners),)
