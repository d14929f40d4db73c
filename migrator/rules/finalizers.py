"""Finalizers: kept when the API group that they name is on green or on its way there, removed otherwise.

A finalizer whose controller is absent would keep the object, and its namespace, from ever being deleted.
"""

from __future__ import annotations

from migrator.model.manifest import Manifest, put, without
from migrator.rules.context import Rule, RuleContext

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
    """Return the object with the finalizers that somebody on green will take care of."""
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
    domain = finalizer.split("/", maxsplit=1)[0]
    groups = context.green.served_groups | context.blue.groups
    return any(group and (domain == group or domain.endswith("." + group) or group.endswith("." + domain)) for group in groups)


RULES = (Rule("finalizers", drop_absent_finalizers),)
