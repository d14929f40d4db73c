"""Custom resources that are known, outside or to their own data, by what stands in their status alone.

Without it green's operator makes a second one, or does not find itself in its data. So that part of the status moves; what else is
in it tells of blue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from migrator.model.manifest import Manifest, get, without
from migrator.model.plan import Ended, EndMark

_AWS = ".services.k8s.aws"


class _Identity(NamedTuple):
    """Where a kind has its identity."""

    how: str
    path: tuple[str, ...]
    """Below `status`."""
    part: Callable[[Manifest], Manifest]
    """The part of the status that moves."""
    hold: Manifest
    """The merge patch that keeps its operator away until it is there; empty where none is known."""


# AWS Controllers for Kubernetes make a second one of what has no ID (aws-controllers-k8s/community#2105).
_OF_AWS = _Identity("made in AWS", ("ackResourceMetadata", "arn"), lambda status: without(status, "conditions"), {})
_IDENTITIES = {
    # Brokers do not start with data of another cluster ID (strimzi-kafka-operator#10722).
    "Kafka.kafka.strimzi.io": _Identity(
        "has a cluster ID",
        ("clusterId",),
        lambda status: {"clusterId": status["clusterId"]},
        {"metadata": {"annotations": {"strimzi.io/pause-reconciliation": "true"}}},
    ),
}


def identity(manifest: Manifest, type_name: str) -> Ended | None:
    """Return by what an object is known, as the mark that its status bears once it is on green; None for most."""
    known = _known(type_name)
    value = get(manifest, "status", *known.path) if known else None
    return Ended(known.how, EndMark(known.path, value)) if known and value and isinstance(value, str) else None


def status(manifest: Manifest, type_name: str) -> Manifest:
    """Return the part of its status that moves."""
    known = _known(type_name)
    return known.part(manifest["status"]) if known else {}


def hold(type_name: str) -> Manifest:
    """Return the merge patch that keeps an operator away until the status is there; empty where none is known."""
    known = _known(type_name)
    return known.hold if known else {}


def _known(type_name: str) -> _Identity | None:
    return _OF_AWS if type_name.endswith(_AWS) else _IDENTITIES.get(type_name)
