"""Rules for bare pods: remove what blue's scheduler and admission wrote."""

from __future__ import annotations

from migrator.model.manifest import Manifest, drop, map_list, put
from migrator.rules.context import Rule, RuleContext

_TOKEN_VOLUME = "kube-api-access-"  # noqa: S105 - a name prefix
_SET_BY_SERVER = ("nodeName", "priority", "serviceAccount")


def unschedule_pod(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the pod without its node, its computed priority and the injected token volume."""
    for field in _SET_BY_SERVER:
        manifest = drop(manifest, "spec", field)
    spec = manifest["spec"]
    volumes = spec.get("volumes")
    if not volumes or not any(volume["name"].startswith(_TOKEN_VOLUME) for volume in volumes):
        return manifest
    manifest = put(manifest, ("spec", "volumes"), [volume for volume in volumes if not volume["name"].startswith(_TOKEN_VOLUME)])
    for field in ("initContainers", "containers"):
        if spec.get(field):
            manifest = put(manifest, ("spec", field), map_list(spec[field], _without_token_mount))
    return manifest


def _without_token_mount(container: Manifest) -> Manifest:
    mounts = container.get("volumeMounts") or []
    kept = [mount for mount in mounts if not mount["name"].startswith(_TOKEN_VOLUME)]
    return container if len(kept) == len(mounts) else put(container, ("volumeMounts",), kept)


RULES = (Rule("unschedule-pod", unschedule_pod, frozenset({"Pod"})),)
