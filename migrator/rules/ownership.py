"""Owner references: which children a controller makes again, and which references survive the move.

The UIDs are relinked when the object is written, because green's UIDs are only known then.
"""

from __future__ import annotations

from migrator.model.manifest import Manifest, put, without
from migrator.rules.context import Rule, RuleContext

_REGENERATED = frozenset(
    {
        ("ReplicaSet", "Deployment"),
        ("ReplicationController", "DeploymentConfig"),
        ("Job", "CronJob"),
        ("ControllerRevision", "StatefulSet"),
        ("ControllerRevision", "DaemonSet"),
        ("EndpointSlice", "Service"),
        ("EndpointSlice", "Endpoints"),
        ("ResourceClaim", "Pod"),
        ("PersistentVolumeClaim", "Pod"),
        ("CertificateRequest", "Certificate"),
        ("Order", "CertificateRequest"),
        ("Challenge", "Order"),
    }
)
"""(child, controlling owner): pairs whose owner's controller writes the child again."""


def regenerating_owner(manifest: Manifest) -> str:
    """Return the kind of the controlling owner that makes this object again, empty when there is none."""
    for owner in manifest["metadata"].get("ownerReferences") or []:
        if owner.get("controller") and (manifest["kind"] == "Pod" or (manifest["kind"], owner["kind"]) in _REGENERATED):
            return str(owner["kind"])
    return ""


def drop_lost_owners(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the object without references to owners that are gone or stay on blue: green would collect it as garbage."""
    owners = manifest["metadata"].get("ownerReferences")
    if not owners:
        return manifest
    kept = [owner for owner in owners if _travels(owner["uid"], context)]
    if len(kept) == len(owners):
        return manifest
    if kept:
        return put(manifest, ("metadata", "ownerReferences"), kept)
    return {**manifest, "metadata": without(manifest["metadata"], "ownerReferences")}


def _travels(uid: str, context: RuleContext) -> bool:
    ref = context.blue.uids.get(uid)
    return ref is not None and ref not in context.blue.staying


RULES = (Rule("lost-owners", drop_lost_owners),)
