"""Label and field selectors of a list request."""

from __future__ import annotations

from migrator.model.manifest import Manifest, get


def labels_match(manifest: Manifest, selector: str) -> bool:
    """Return whether an object matches `a=b,c!=d,e,!f`."""
    labels = manifest["metadata"].get("labels") or {}
    for part in filter(None, selector.split(",")):
        key, unequal, value = part.partition("!=")
        if unequal and key:
            if labels.get(key) == value:
                return False
        elif part.startswith("!"):
            if part[1:] in labels:
                return False
        else:
            key, equal, value = part.partition("=")
            if (labels.get(key) != value.removeprefix("=")) if equal else key not in labels:
                return False
    return True


def fields_match(manifest: Manifest, selector: str) -> bool:
    """Return whether an object matches `metadata.name=a,spec.nodeName=b`."""
    for part in filter(None, selector.split(",")):
        path, _, value = part.partition("=")
        if (get(manifest, *path.split(".")) or "") != value:
            return False
    return True
