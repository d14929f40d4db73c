"""Values that a controller of each cluster sets by itself; a comparison leaves them out."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.manifest import POD_TEMPLATES, Manifest, drop, get, ref_of, ref_type
from migrator.rules.context import RuleContext

_CA_INJECTION = (
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "cert-manager.io/inject-apiserver-ca",
)
# Annotations of a pod template by which a controller restarts pods once a Secret has changed, with the time in them: each
# cluster's own does so by itself (docs.stakater.com: reload strategy `annotations`; Vault Secrets Operator: rolloutRestartTargets).
RESTARTS = (
    "operator.1password.io/last-restarted",
    "reloader.stakater.com/last-reloaded-from",
    "vso.secrets.hashicorp.com/restartedAt",
)


STATUS = ("status",)


def volatile_paths(manifest: Manifest, context: RuleContext) -> tuple[tuple[str, ...], ...]:
    """Return the paths whose value on green is set by one of green's controllers."""
    paths: list[tuple[str, ...]] = []
    if ref_of(manifest) in context.blue.scaled:
        paths.append(("spec", "replicas"))
    annotations = get(manifest, "metadata", "annotations") or {}
    if any(key in annotations for key in _CA_INJECTION) or ref_of(manifest) in context.blue.signed_at_run_time:
        paths += [("webhooks",), ("spec", "caBundle"), ("spec", "conversion", "webhook", "clientConfig", "caBundle")]
    if "status" in manifest and ref_type(manifest) in context.blue.plain_status:
        paths.append(STATUS)
    return (*paths, *restarts(manifest))


def restarts(manifest: Manifest) -> tuple[tuple[str, ...], ...]:
    """Return the paths at which a controller has written that it restarted the pods."""
    template = POD_TEMPLATES.get(ref_type(manifest))
    annotations = get(manifest, *template, "metadata", "annotations") if template else None
    return tuple((*(template or ()), "metadata", "annotations", name) for name in RESTARTS if name in (annotations or {}))


def is_signed_at_run_time(manifest: Manifest) -> bool:
    """Return whether the authority of a webhook or APIService is written by who serves it: it has an owner of its own.

    Each cluster's server signs for itself, then; the manager that wrote the address said nothing of the authority.
    """
    entries = manifest["metadata"].get("managedFields") or []
    owners = [set(_keys(entry.get("fieldsV1"))) for entry in entries if isinstance(entry, dict)]
    return any("f:caBundle" in keys and "f:service" not in keys for keys in owners)


def _keys(fields: object) -> Iterator[str]:
    for key, inner in fields.items() if isinstance(fields, dict) else ():
        yield key
        yield from _keys(inner)


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
