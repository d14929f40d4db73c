"""Keep a finalizer only where its API group is served by green or moves there.

An object with a finalizer whose controller is absent can never be deleted, and neither can its namespace.
"""

from __future__ import annotations

from migrator.model.manifest import Manifest, put, without
from migrator.rules.context import Rule, RuleContext

# API server and controllers set them themselves where they are needed; a copied one could keep an object from ever being
# deleted.
_SET_BY_SERVER = frozenset(
    {
        "kubernetes",
        "kubernetes.io/pvc-protection",
        "kubernetes.io/pv-protection",
        "external-provisioner.volume.kubernetes.io/finalizer",
        "service.kubernetes.io/load-balancer-cleanup",
        "batch.kubernetes.io/job-tracking",
        "customresourcecleanup.apiextensions.k8s.io",
        "foregroundDeletion",
        "orphan",
    }
)


def drop_absent_finalizers(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the object with only those finalizers that a controller on green handles."""
    finalizers = manifest["metadata"].get("finalizers")
    if not finalizers:
        return manifest
    kept = [finalizer for finalizer in finalizers if _has_controller(finalizer, context)]
    if len(kept) == len(finalizers):
        return manifest
    if kept:
        return put(manifest, ("metadata", "finalizers"), kept)
    return {**manifest, "metadata": without(manifest["metadata"], "finalizers")}


def _has_controller(finalizer: str, context: RuleContext) -> bool:
    if finalizer in _SET_BY_SERVER:
        return False
    # A finalizer is named after the API group of its controller, as a rule (API conventions: domain/name).
    domain = finalizer.split("/", maxsplit=1)[0]
    groups = context.green.served_groups | context.blue.groups
    return any(group and (domain == group or domain.endswith("." + group) or group.endswith("." + domain)) for group in groups)


RULES = (Rule("finalizers", drop_absent_finalizers),)
