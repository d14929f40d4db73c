"""What is created in another form at first, because a create cannot bring about what blue has.

Validation forbids some things on a create only, a paused Deployment starts nothing, and what has ended must not begin again
before its status is written. Each is created with a merge patch, and gets its own form afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from migrator.model.manifest import Manifest, get
from migrator.model.plan import Ended
from migrator.rules import identities, runs
from migrator.rules.context import RuleContext

_INGRESS_CLASS = "kubernetes.io/ingress.class"
_JOB: Manifest = {"spec": {"suspend": True}}


class Hold(NamedTuple):
    """What an object is created with at first."""

    applies: Callable[[Manifest], bool]
    patch: Manifest
    note: str
    """What the plan says of it."""


def hold(manifest: Manifest, type_name: str, ended: Ended | None, context: RuleContext) -> Manifest:
    """Return the merge patch (RFC 7396) that green's manifest of an object is created with; empty for most."""
    if ended:
        return _JOB if type_name == "Job.batch" else identities.hold(type_name) or runs.hold(type_name, context)
    found = _found(manifest, type_name)
    return found.patch if found else {}


def notes(manifest: Manifest, type_name: str) -> tuple[str, ...]:
    """Return what a person should know of how an object is created."""
    found = _found(manifest, type_name)
    return (found.note,) if found else ()


def _found(manifest: Manifest, type_name: str) -> Hold | None:
    found = HOLDS.get(type_name)
    return found if found and found.applies(manifest) else None


def _has_two_classes(ingress: Manifest) -> bool:
    """Return whether field and annotation name different classes (k8s.io/kubernetes: ValidateIngressCreate)."""
    annotation, field = get(ingress, "metadata", "annotations", _INGRESS_CLASS), get(ingress, "spec", "ingressClassName")
    return annotation is not None and field is not None and annotation != field


def _is_paused(deployment: Manifest) -> bool:
    return bool(get(deployment, "spec", "paused")) and get(deployment, "spec", "replicas") != 0


HOLDS = {
    "Ingress.networking.k8s.io": Hold(
        _has_two_classes,
        {"metadata": {"annotations": {_INGRESS_CLASS: None}}},
        f"is created without its annotation {_INGRESS_CLASS}, which is added then: no create may have another class in the field",
    ),
    "Deployment.apps": Hold(
        _is_paused,
        {"spec": {"paused": None}},  # false is left out by the API server
        "is paused on blue, and a paused one starts no pods: is created unpaused, and paused once green has made its pods",
    ),
}
