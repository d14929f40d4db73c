"""Values that controllers on each cluster keep setting: compared, they would always look like drift."""

from __future__ import annotations

from migrator.model.manifest import Manifest, drop, get, ref_of
from migrator.rules.context import RuleContext

_CA_INJECTION = (
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "cert-manager.io/inject-apiserver-ca",
)


def volatile_paths(manifest: Manifest, context: RuleContext) -> tuple[tuple[str, ...], ...]:
    """Return the paths of a blue manifest whose value on green is a controller's business."""
    paths: list[tuple[str, ...]] = []
    if ref_of(manifest) in context.blue.scaled:
        paths.append(("spec", "replicas"))
    annotations = get(manifest, "metadata", "annotations") or {}
    if any(key in annotations for key in _CA_INJECTION):
        paths += [("webhooks",), ("spec", "caBundle"), ("spec", "conversion", "webhook", "clientConfig", "caBundle")]
    return tuple(paths)


def stable(manifest: Manifest, paths: tuple[tuple[str, ...], ...]) -> Manifest:
    """Return the manifest without its volatile values."""
    for path in paths:
        if path == ("webhooks",):
            webhooks = manifest.get("webhooks")
            manifest = (
                {**manifest, "webhooks": [drop(item, "clientConfig", "caBundle") for item in webhooks]} if webhooks else manifest
            )
        else:
            manifest = drop(manifest, *path)
    return manifest
