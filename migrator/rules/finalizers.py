"""Keep a finalizer only where its API group is served by green or moves there.

An object with a finalizer whose controller is absent can never be deleted, and neither can its namespace.
"""

from __future__ import annotations

from migrator.model.manifest import Manifest, is_custom, put, without
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
    own = _moves_with_its_kind(manifest, context)
    kept = [
        item for item in finalizers if _has_controller(item, context) or (own and item not in _SET_BY_SERVER and _is_bare(item))
    ]
    if len(kept) == len(finalizers):
        return manifest
    if kept:
        return put(manifest, ("metadata", "finalizers"), kept)
    return {**manifest, "metadata": without(manifest["metadata"], "finalizers")}


def _moves_with_its_kind(manifest: Manifest, context: RuleContext) -> bool:
    """Return whether a custom resource's own group is on green, and so, as a rule, the controller that named its finalizers."""
    group = manifest["apiVersion"].rpartition("/")[0]
    return is_custom(manifest) and group in context.green.served_groups | context.blue.groups


def _is_bare(finalizer: str) -> bool:
    """Return whether a finalizer names no domain: a word of its kind's controller, often an option (Percona: delete-pxc-pvc)."""
    return "/" not in finalizer and "." not in finalizer


def _has_controller(finalizer: str, context: RuleContext) -> bool:
    if finalizer in _SET_BY_SERVER:
        return False
    # A finalizer is named after the API group of its controller, as a rule (API conventions: domain/name).
    domain = finalizer.split("/", maxsplit=1)[0]
    groups = context.green.served_groups | context.blue.groups
    return any(group and (domain == group or domain.endswith("." + group) or group.endswith("." + domain)) for group in groups)


RULES = (Rule("finalizers", drop_absent_finalizers),)
