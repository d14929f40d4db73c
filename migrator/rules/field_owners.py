"""Field ownership: whose fields they were on blue, so that the next `kubectl apply` on green meets no conflict.

A create under the name of the one manager that owned everything carries ownership over in a single write. What
several managers own, or a server-side apply, needs `managedFields` written back afterwards (KEP-555; Velero does
that for each object, velero#5701).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from migrator.model.manifest import Manifest, get

OURS = "migrator"
_CONTROLLERS = frozenset(
    {
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-apiserver",
        "cloud-controller-manager",
        "cert-manager-cainjector",
        "kwok",
    }
)
_FIELDS_THAT_GO = frozenset({"f:status", "f:metadata"})
_METADATA_THAT_STAYS = frozenset({"f:labels", "f:annotations", "f:finalizers", "f:ownerReferences"})


class Ownership(NamedTuple):
    """How to write an object so that its owners stay its owners."""

    manager: str
    """The name to write under."""
    restore: bool
    """Whether `managedFields` must be written back afterwards."""


def persons_entries(manifest: Manifest) -> list[dict[str, Any]]:
    """Return the entries of managedFields that name an owner of something that travels."""
    entries = manifest["metadata"].get("managedFields") or []
    return [
        entry
        for entry in entries
        if not entry.get("subresource") and entry.get("manager") not in _CONTROLLERS and _owns_something(entry)
    ]


def ownership(entries: list[dict[str, Any]]) -> Ownership:
    """Return how to write an object with these entries."""
    if not entries:
        return Ownership(OURS, restore=False)
    only = entries[0]
    if len(entries) == 1 and only.get("operation") == "Update":
        return Ownership(only.get("manager") or OURS, restore=False)
    return Ownership(OURS, restore=True)


def changed_by_person(manifest: Manifest) -> list[str]:
    """Return one line per manager that is no controller: they differ when a person has changed the object."""
    lines = [
        f"{entry.get('manager')}/{entry.get('operation')}/{entry.get('time')}/{sorted(entry.get('fieldsV1') or {})}"
        for entry in manifest["metadata"].get("managedFields") or []
        if not entry.get("subresource") and entry.get("manager") not in _CONTROLLERS
    ]
    return sorted(lines)


def _owns_something(entry: dict[str, Any]) -> bool:
    fields = entry.get("fieldsV1") or {}
    if any(field not in _FIELDS_THAT_GO for field in fields):
        return True
    metadata = fields.get("f:metadata") or {}
    if metadata.keys() & (_METADATA_THAT_STAYS - {"f:annotations"}):
        return True
    annotations = get(metadata, "f:annotations") or {}
    return any(not key.startswith(_BOOKKEEPING) for key in annotations if key != ".")


_BOOKKEEPING = (
    "f:deployment.kubernetes.io/",
    "f:pv.kubernetes.io/",
    "f:volume.",
    "f:deprecated.daemonset",
    "f:endpoints.kubernetes.io/",
)
