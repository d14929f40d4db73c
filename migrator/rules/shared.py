"""Objects that green's own control plane makes: what a person gave to blue's is added to them, and nothing is taken away.

The API server makes the namespace `default` (k8s.io/kubernetes, pkg/controlplane: SystemNamespaces), and a controller makes an
account `default` in each namespace (kubernetes.io/docs/concepts/security/service-accounts): there, the name is what they are.
"""

from __future__ import annotations

from migrator.model.difference import FieldDifference, is_absent
from migrator.model.manifest import Manifest, get, put
from migrator.model.ref import ObjectRef

_SHARED = frozenset({("Namespace", "default"), ("ServiceAccount", "default")})
_OWN_LABEL = "kubernetes.io/metadata.name"
_GIVEN = ("imagePullSecrets", "secrets", "automountServiceAccountToken")


def is_shared(ref: ObjectRef) -> bool:
    """Return whether green makes this object itself, so that a copy adds to it without having created it."""
    return (ref.type_name, ref.name) in _SHARED


def is_bare(manifest: Manifest) -> bool:
    """Return whether nobody gave this shared object anything that green's own would not have."""
    labels = get(manifest, "metadata", "labels") or {}
    if labels.keys() - {_OWN_LABEL} or get(manifest, "metadata", "annotations"):
        return False
    return all(is_absent(manifest.get(field)) for field in _GIVEN)


def contradict(found: list[FieldDifference]) -> bool:
    """Return whether blue has another value where green's owner has set one; what green lacks is added without harm."""
    return not all(is_absent(difference.live) for difference in found)


def merged(live: Manifest, wanted: Manifest) -> Manifest:
    """Return the manifest to write: all that green's object has, and blue's labels, annotations, fields and items of lists."""
    for field in ("labels", "annotations"):
        both = _with(get(live, "metadata", field) or {}, get(wanted, "metadata", field) or {})
        if both:
            wanted = put(wanted, ("metadata", field), both)
    kept = {key: value for key, value in live.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    return {**wanted, **{key: _with(value, wanted[key]) if key in wanted else value for key, value in kept.items()}}


def _with(live: object, wanted: object) -> object:
    if isinstance(live, dict) and isinstance(wanted, dict):
        return live | {key: _with(live[key], value) if key in live else value for key, value in wanted.items()}
    if isinstance(live, list) and isinstance(wanted, list):
        return [*live, *(item for item in wanted if item not in live)]
    return wanted
