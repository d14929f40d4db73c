"""Carry field ownership over, so that the next `kubectl apply` on green meets no conflict.

Where one manager owns all fields by updates, a create under its name is enough. Where several managers own fields, or
a server-side apply does, `managedFields` are written back in a second request (KEP-555; velero#5701).
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from migrator.model.manifest import Manifest, get
from migrator.rules.injected import RESTARTS

OURS = "migrator"
FENCE = "migrator-fence"
"""The name under which CronJobs are suspended and resumed: like a controller's, its changes are nobody's."""
ASSUMED = "migrator-assumed"
"""The name under which a CronJob on blue gets the time of a last run that green did not tell."""
# The longest that one webhook may take (admissionregistration/v1: timeoutSeconds).
_ADMISSION_SECONDS = 30.0
NOBODY = ""
"""Creator of an object that has no field but its name, such as an account: nobody owns a field of it."""
_CONTROLLERS = frozenset(
    {
        FENCE,
        ASSUMED,
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-apiserver",
        "cloud-controller-manager",
        "cert-manager-cainjector",
        "kwok",
    }
)
_STATUS = {"f:status"}
_RESTARTED = frozenset(f"f:{name}" for name in RESTARTS)
_FIELDS_NOT_MOVED = frozenset({"f:status", "f:metadata"})
_METADATA_MOVED = frozenset({"f:labels", "f:annotations", "f:finalizers", "f:ownerReferences"})


class Ownership(NamedTuple):
    """How to write an object so that each manager keeps its fields."""

    manager: str
    """The name to write under."""
    restore: bool
    """Whether `managedFields` must be written back afterwards."""


def persons_entries(manifest: Manifest) -> list[dict[str, Any]]:
    """Return the entries of managedFields whose manager owns a field that is moved."""
    entries = manifest["metadata"].get("managedFields") or []
    return [
        entry
        for entry in entries
        if not entry.get("subresource") and entry.get("manager") not in _CONTROLLERS and _owns_moved_field(entry)
    ]


def of_content(manifest: Manifest) -> list[dict[str, Any]]:
    """Return the entries of managedFields that are not of the status, whoever their manager is."""
    return [entry for entry in manifest["metadata"]["managedFields"] if entry.get("subresource") != "status"]


class Carried(NamedTuple):
    """Ownership that is written to green."""

    entries: bytes = b""
    """As JSON; empty: none."""
    notes: tuple[str, ...] = ()
    """What cannot be carried over."""


def carried(entries: bytes, group: str, served: Collection[str]) -> Carried:
    """Return blue's ownership at versions that green serves: an API server drops all others, since it cannot convert them."""
    if not entries:
        return Carried()
    prefix = f"{group}/" if group else ""
    kept, dropped = list[dict[str, Any]](), list[str]()
    for entry in orjson.loads(entries):
        version = str(entry.get("apiVersion"))
        if version.removeprefix(prefix) in served:
            kept.append(entry)
        else:
            dropped.append(
                f"what {entry.get('manager')} owns at {version} has no owner on green, which does not serve that version"
            )
    return Carried(orjson.dumps(kept) if kept else b"", tuple(dropped))


def of_others(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries of others than this tool, where it writes under its own name."""
    return [entry for entry in entries if entry.get("manager") != OURS]


def lost(entries: list[dict[str, Any]], manifest: Manifest) -> list[str]:
    """Return the managers whose ownership an API server was given and has dropped.

    It does so without a word where it cannot convert between versions, as without a conversion webhook (kubernetes#136919).
    """
    there = set(map(_who, manifest["metadata"].get("managedFields") or []))
    # Compared without the time, which each write sets anew.
    return sorted({str(entry.get("manager")) for entry in entries if _who(entry) not in there})


def _who(entry: dict[str, Any]) -> tuple[object, ...]:
    return entry.get("manager"), entry.get("operation"), entry.get("subresource") or ""


def ownership(entries: list[dict[str, Any]]) -> Ownership:
    """Return how to write an object with these entries."""
    if not entries:
        return Ownership(OURS, restore=False)
    # One write under that name, in one entry, gives the same ownership.
    only = entries[0]
    # A server-side apply cannot be repeated by a create under the same name: its entry has operation Apply.
    if len(entries) == 1 and only.get("operation") == "Update":
        return Ownership(only.get("manager") or OURS, restore=False)
    return Ownership(OURS, restore=True)


def changed_by_person(manifest: Manifest) -> list[str]:
    """Return one line per manager that is not a controller; the lines change when a person changes the object.

    Who owns nothing but a status is a controller, too: of a kind whose status is a field as any other. So is who has only restarted
    the pods.
    """
    lines = [
        f"{entry.get('manager')}/{entry.get('operation')}/{entry.get('time')}/{sorted({*fields} - _STATUS)}"
        for entry in manifest["metadata"].get("managedFields") or []
        if not entry.get("subresource") and entry.get("manager") not in _CONTROLLERS
        for fields in (entry.get("fieldsV1") or {},)
        if {*fields} != _STATUS and not _is_restart(fields)
    ]
    return sorted(lines)


def _is_restart(fields: Mapping[str, Any]) -> bool:
    """Return whether fields are nothing but annotations by which a controller restarts pods."""
    told = set(_leaves(fields))
    return bool(told & _RESTARTED) and told <= _RESTARTED | {"."}


def _leaves(fields: Mapping[str, Any]) -> Iterator[str]:
    for key, inner in fields.items():
        if inner:
            yield from _leaves(inner)
        else:
            yield key


def creators(manifest: Manifest) -> tuple[str, ...]:
    """Return the managers whose last update is as old as the object: one of them has created it; `NOBODY` if it has no fields.

    An API server sets the time of the entry first, then asks admission webhooks, then sets the time of the object.
    """
    created = manifest["metadata"].get("creationTimestamp")
    entries = [entry for entry in manifest["metadata"].get("managedFields") or [] if not entry.get("subresource")]
    return tuple(
        entry.get("manager") or ""
        for entry in entries
        if entry.get("operation") == "Update" and _at_once(created, entry.get("time"))
    ) or (() if entries else (NOBODY,))


def _at_once(created: object, then: object) -> bool:
    try:
        # Both are cut to whole seconds, so that one write can show two of them.
        return -_ADMISSION_SECONDS <= seconds(str(then)) - seconds(str(created)) <= 1
    except ValueError:
        return False


def seconds(stamp: str) -> float:
    """Return a time of the API in seconds since 1970; raises ValueError for anything else."""
    return datetime.datetime.fromisoformat(stamp).timestamp()


def _owns_moved_field(entry: dict[str, Any]) -> bool:
    fields = entry.get("fieldsV1") or {}
    if any(field not in _FIELDS_NOT_MOVED for field in fields):
        return True
    metadata = fields.get("f:metadata") or {}
    if metadata.keys() & (_METADATA_MOVED - {"f:annotations"}):
        return True
    annotations = get(metadata, "f:annotations") or {}
    return any(not key.startswith(_BOOKKEEPING) for key in annotations if key != ".")


_BOOKKEEPING = (
    "f:deployment.kubernetes.io/",
    "f:pv.kubernetes.io/",
    "f:volume.",
    "f:deprecated.daemonset",
    "f:endpoints.kubernetes.io/",
    "f:rollout.argoproj.io/",
)
