"""Owner references: which children a controller creates again, and which references are kept.

`relinked` replaces the UIDs when the object is written, because green's UIDs are known only then.
"""

from __future__ import annotations

from collections.abc import Callable

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
"""Pairs of kinds (child, controlling owner) where the owner's controller creates the child again."""


UidOf = Callable[[Manifest], str]
"""Returns the UID on green for an owner reference of blue."""


def regenerating_owner(manifest: Manifest) -> str:
    """Return the kind of the controlling owner that creates this object again, or an empty string."""
    for owner in manifest["metadata"].get("ownerReferences") or []:
        if owner.get("controller") and (manifest["kind"] == "Pod" or (manifest["kind"], owner["kind"]) in _REGENERATED):
            return str(owner["kind"])
    return ""


def drop_lost_owners(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the object without references to owners that are not moved.

    Green's garbage collector would delete an object whose only owners do not exist there.
    """
    owners = manifest["metadata"].get("ownerReferences")
    if not owners:
        return manifest
    kept = [owner for owner in owners if _moves(owner["uid"], context)]
    if len(kept) == len(owners):
        return manifest
    if kept:
        return put(manifest, ("metadata", "ownerReferences"), kept)
    return {**manifest, "metadata": without(manifest["metadata"], "ownerReferences")}


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
