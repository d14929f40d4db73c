"""Tell whether a controller has made the pods of a workload, ready or not."""

from __future__ import annotations

from migrator.model.manifest import Manifest, get, ref_type


def has_made_its_pods(workload: Manifest) -> bool:
    """Return whether all pods are made, or no more will be: it is paused, suspended, or its pods are refused."""
    seen = get(workload, "status", "observedGeneration")
    kind = ref_type(workload)
    if kind == "Job.batch":
        status = workload.get("status") or {}
        return bool(get(workload, "spec", "suspend")) or any(status.get(name) for name in ("active", "succeeded", "failed"))
    if seen is None or seen < (get(workload, "metadata", "generation") or 0):
        return False
    if kind == "DaemonSet.apps":
        return _number(workload, "currentNumberScheduled") >= _number(workload, "desiredNumberScheduled")
    conditions = get(workload, "status", "conditions") or []
    refused = any(item.get("type") == "ReplicaFailure" and item.get("status") == "True" for item in conditions)
    wanted = get(workload, "spec", "replicas")
    made = _number(workload, "replicas") >= (1 if wanted is None else wanted)
    return made or refused or bool(get(workload, "spec", "paused"))


def _number(workload: Manifest, name: str) -> int:
    return int(get(workload, "status", name) or 0)
