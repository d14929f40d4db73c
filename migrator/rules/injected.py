"""Values that a controller of each cluster sets by itself; a comparison leaves them out."""

from __future__ import annotations

from migrator.model.manifest import Manifest, drop, get, ref_of, ref_type
from migrator.rules.context import RuleContext

_CA_INJECTION = (
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "cert-manager.io/inject-apiserver-ca",
)


STATUS = ("status",)


def volatile_paths(manifest: Manifest, context: RuleContext) -> tuple[tuple[str, ...], ...]:
    """Return the paths whose value on green is set by one of green's controllers."""
    paths: list[tuple[str, ...]] = []
    if ref_of(manifest) in context.blue.scaled:
        paths.append(("spec", "replicas"))
    annotations = get(manifest, "metadata", "annotations") or {}
    if any(key in annotations for key in _CA_INJECTION):
        paths += [("webhooks",), ("spec", "caBundle"), ("spec", "conversion", "webhook", "clientConfig", "caBundle")]
    if "status" in manifest and ref_type(manifest) in context.blue.plain_status:
        paths.append(STATUS)
    return tuple(paths)


def stable(manifest: Manifest, paths: tuple[tuple[str, ...], ...]) -> Manifest:
    """Return the manifest without the values at these paths."""
    for path in paths:
        if path == ("webhooks",):
            webhooks = manifest.get("webhooks")
            manifest = (
                {**manifest, "webhooks": [drop(item, "clientConfig", "caBundle") for item in webhooks]} if webhooks else manifest
            )
        else:
            manifest = drop(manifest, *path)
    return manifest
