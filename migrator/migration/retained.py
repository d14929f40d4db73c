"""What a replaced object keeps of green's own: values that green's controllers have set and blue cannot know."""

from __future__ import annotations

from typing import Any

from migrator.model.manifest import Manifest, get, put, ref_of, ref_type
from migrator.rules import shared
from migrator.rules.server_fields import CONTROLLER_ANNOTATIONS

_PATHS: dict[str, tuple[tuple[str, ...], ...]] = {
    "PersistentVolumeClaim": (("spec", "volumeName"),),
    "PersistentVolume": (("spec", "claimRef"),),
    "Job.batch": (("spec", "selector"), ("spec", "template"), ("spec", "suspend")),
    "ServiceAccount": (("secrets",),),
    "ClusterRole.rbac.authorization.k8s.io": (("rules",),),
    "Service": (("spec", "clusterIP"), ("spec", "clusterIPs"), ("spec", "healthCheckNodePort")),
}
"""Kept where the wanted object says nothing; of a Job, always: they cannot be changed."""
_ALWAYS = frozenset({"Job.batch", "PersistentVolume"})


def with_retained(wanted: Manifest, live: Manifest, volatile: tuple[tuple[str, ...], ...]) -> Manifest:
    """Return a new manifest: `wanted`, with what green keeps of its own."""
    name = ref_type(wanted)
    if shared.is_shared(ref_of(wanted)):
        wanted = shared.merged(live, wanted)
    for path in _PATHS.get(name, ()):
        have = get(live, *path)
        if have is not None and (name in _ALWAYS or get(wanted, *path) is None):
            wanted = put(wanted, path, have)
    for path in volatile:
        have = get(live, *path)
        if have is not None and path != ("webhooks",):
            wanted = put(wanted, path, have)
    if volatile and ("webhooks",) in volatile:
        wanted = _with_ca_bundles(wanted, live)
    if name == "Secret" and wanted.get("type") == "kubernetes.io/service-account-token":
        wanted = {**wanted, "data": {**(live.get("data") or {}), **(wanted.get("data") or {})}}
    metadata = dict(wanted["metadata"])
    kept = {
        key: value for key, value in (get(live, "metadata", "annotations") or {}).items() if key.startswith(CONTROLLER_ANNOTATIONS)
    }
    if kept:
        metadata["annotations"] = {**kept, **(metadata.get("annotations") or {})}
    finalizers = [*(metadata.get("finalizers") or []), *(get(live, "metadata", "finalizers") or [])]
    if finalizers:
        metadata["finalizers"] = list(dict.fromkeys(finalizers))
    return {**wanted, "metadata": metadata}


def _with_ca_bundles(wanted: Manifest, live: Manifest) -> Manifest:
    bundles: dict[str, Any] = {hook["name"]: get(hook, "clientConfig", "caBundle") for hook in live.get("webhooks") or []}
    hooks = [
        put(hook, ("clientConfig", "caBundle"), bundles[hook["name"]]) if bundles.get(hook["name"]) else hook
        for hook in wanted.get("webhooks") or []
    ]
    return {**wanted, "webhooks": hooks}
