"""What a replaced object keeps of green's own: values that green's controllers have set and blue cannot know."""

from __future__ import annotations

from typing import Any

import orjson

from migrator.model.manifest import Manifest, get, put, ref_of, ref_type
from migrator.model.owned import Fields, fields_of, with_unowned
from migrator.rules import shared
from migrator.rules.server_fields import CONTROLLER_ANNOTATIONS

# Kept where the wanted object says nothing; of a Job, always: they cannot be changed.
_PATHS: dict[str, tuple[tuple[str, ...], ...]] = {
    "PersistentVolumeClaim": (("spec", "volumeName"),),
    "PersistentVolume": (("spec", "claimRef"),),
    "Job.batch": (("spec", "selector"), ("spec", "template"), ("spec", "suspend")),
    "ServiceAccount": (("secrets",),),
    "ClusterRole.rbac.authorization.k8s.io": (("rules",),),
    "Service": (("spec", "clusterIP"), ("spec", "clusterIPs"), ("spec", "healthCheckNodePort")),
}
_OF_PERSON = frozenset({"labels", "annotations", "finalizers", "ownerReferences"})
_ALWAYS = frozenset({"Job.batch", "PersistentVolume"})


def with_retained(wanted: Manifest, live: Manifest, volatile: tuple[tuple[str, ...], ...], fields: bytes = b"") -> Manifest:
    """Return a new manifest: `wanted`, with what green keeps of its own; `fields` tells who owns what there (`Live.fields`)."""
    name = ref_type(wanted)
    wanted = _with_all_of(wanted, live, fields)
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


def _with_all_of(wanted: Manifest, live: Manifest, fields: bytes) -> Manifest:
    """Return a manifest of which green's own part can be anywhere with that part; other manifests as they are."""
    if shared.is_shared(ref_of(wanted)):
        return shared.merged(live, wanted)
    if ref_type(wanted) == "Pod" and fields:
        return _as_admitted(wanted, live, fields_of(orjson.loads(fields)))
    return wanted


def _as_admitted(wanted: Manifest, live: Manifest, fields: Fields) -> Manifest:
    """Return the pod with all that green's admission and scheduler have written into it: no update may take it away."""
    both = {key: with_unowned(wanted[key], live[key], fields.get(f"f:{key}") or {}) for key in ("metadata", "spec")}
    kept = {key: value for key, value in both["metadata"].items() if key in ("name", "namespace") or key in _OF_PERSON}
    return {**wanted, "metadata": kept, "spec": both["spec"]}


def _with_ca_bundles(wanted: Manifest, live: Manifest) -> Manifest:
    bundles: dict[str, Any] = {hook["name"]: get(hook, "clientConfig", "caBundle") for hook in live.get("webhooks") or []}
    hooks = [
        put(hook, ("clientConfig", "caBundle"), bundles[hook["name"]]) if bundles.get(hook["name"]) else hook
        for hook in wanted.get("webhooks") or []
    ]
    return {**wanted, "webhooks": hooks}
