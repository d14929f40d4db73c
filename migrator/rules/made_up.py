"""Secrets whose values an operator makes up: green's makes up others, and writes them over those that were copied.

External Secrets runs a generator again where its object has no status yet (external-secrets#4756), as on green: the password in
the Secret is then another one than that in the data.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.manifest import Manifest, get

# Whatever else a generator gives, such as a token of a registry, may be another one at each time.
_RANDOM = frozenset({"ClusterGenerator", "Password", "SSHKey", "UUID"})
_SPECS = {
    "ExternalSecret.external-secrets.io": ("spec",),
    "ClusterExternalSecret.external-secrets.io": ("spec", "externalSecretSpec"),
}


def overwritten(manifest: Manifest, type_name: str) -> str:
    """Return what becomes of a Secret on green, as the rest of a sentence about the object that asks for it; empty for most."""
    path = _SPECS.get(type_name)
    kinds = sorted(set(_generators(get(manifest, *path) or {}))) if path else []
    if not kinds:
        return ""
    return (
        f"takes values of a generator ({', '.join(kinds)}): green's operator makes up others, and writes them over those of blue; "
        "leave it on blue (move.objects.exclude), so that its Secret moves alone"
    )


def _generators(spec: Manifest) -> Iterator[str]:
    for field in ("data", "dataFrom"):
        for item in spec.get(field) or []:
            kind = get(item, "sourceRef", "generatorRef", "kind")
            if kind in _RANDOM:
                yield kind
