"""Workloads that take their pods from another one: an Argo Rollout by `spec.workloadRef`. Pure functions.

Source: Argo Rollouts, docs/migrating.md, and its validation: a Deployment, a ReplicaSet or a PodTemplate of the same namespace.
"""

from __future__ import annotations

from migrator.model.kinds import ROLLOUTS
from migrator.model.manifest import POD_TEMPLATES, Manifest, get, put, ref_of
from migrator.model.ref import ObjectRef

MARK = b'"workloadRef"'
"""What stands in the JSON of each of them."""


def lender(manifest: Manifest) -> ObjectRef | None:
    """Return the workload that a Rollout takes its pods from, or None."""
    ref, found = ref_of(manifest), get(manifest, "spec", "workloadRef")
    if ref.type_name != ROLLOUTS.type_name or not isinstance(found, dict) or not isinstance(found.get("name"), str):
        return None
    group = str(found.get("apiVersion") or "").rpartition("/")[0]
    return ObjectRef(group, str(found.get("kind")), ref.namespace, found["name"])


def with_template(manifest: Manifest, lent: Manifest) -> Manifest:
    """Return a Rollout as if the pod template that it takes from another workload were its own."""
    path = POD_TEMPLATES.get(ref_of(lent).type_name)
    template = get(lent, *path) if path else None
    return manifest if template is None else put(manifest, ("spec", "template"), template)
