"""Drop requests that a person or a program has made to a controller of blue: blue's controller has carried them out."""

from __future__ import annotations

from migrator.model.manifest import Manifest, drop, without
from migrator.rules.context import Rule, RuleContext

_FIELDS = {
    "Application.argoproj.io": (("operation",),),
    "Rollout.argoproj.io": (("spec", "restartAt"),),
}
"""Fields that ask for one action (argo-cd.readthedocs.io: Application; argo-rollouts: spec.restartAt)."""
ANNOTATIONS = frozenset(
    {
        "argocd.argoproj.io/refresh",
        "postgres-operator.crunchydata.com/pgbackrest-backup",
        "postgres-operator.crunchydata.com/pgbackrest-restore",
        "reconcile.fluxcd.io/forceAt",
        "reconcile.fluxcd.io/requestedAt",
        "reconcile.fluxcd.io/resetAt",
        "strimzi.io/delete-pod-and-pvc",
        "strimzi.io/force-renew",
        "strimzi.io/force-replace",
        "strimzi.io/manual-rolling-update",
        "strimzi.io/rebalance",
        "strimzi.io/restart",
        "strimzi.io/restart-task",
    }
)
"""Annotations that ask a controller for one action, from the documentation of each controller."""


def drop_requested_fields(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the object without the fields that ask for one action."""
    group, _, _ = manifest["apiVersion"].rpartition("/")
    for path in _FIELDS[f"{manifest['kind']}.{group}"]:
        manifest = drop(manifest, *path)
    return manifest


def drop_requesting_annotations(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the object without the annotations that ask for one action."""
    annotations = manifest["metadata"].get("annotations")
    if not annotations or ANNOTATIONS.isdisjoint(annotations):
        return manifest
    kept = without(annotations, *ANNOTATIONS)
    metadata = {**manifest["metadata"], "annotations": kept} if kept else without(manifest["metadata"], "annotations")
    return {**manifest, "metadata": metadata}


RULES = (
    Rule("requests", drop_requested_fields, frozenset(_FIELDS)),
    Rule("requests", drop_requesting_annotations),
)
