"""Custom resources that are known, outside or to their own data, by what stands in their status alone.

Without it green's operator makes a second one, does not find itself in its data, or takes what it has made there for another's. So
that part of the status moves; what else is in it tells of blue.
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
    """Below `status`: a word, or a flag that is False."""
    part: Callable[[Manifest], Manifest]
    """The part of the status that moves."""
    hold: Manifest
    """The merge patch that keeps its operator away until it is there; empty where none is known."""
    late: str = ""
    """Why it stays on blue where that operator may be on green already; empty where the status counts whenever it comes."""


# AWS Controllers for Kubernetes make a second one of what has no ID (aws-controllers-k8s/community#2105).
_OF_AWS = _Identity(
    "made in AWS",
    ("ackResourceMetadata", "arn"),
    lambda status: without(status, "conditions"),
    {},
    "its controller may be on green already, and would make a second one in AWS before the status with its ARN is written: let "
    "that adopt it (`services.k8s.aws/adoption-policy`)",
)


def _of_opensearch(flag: str) -> _Identity:
    """Return where a kind has whether its own operator made it: what it finds in moved data it would never touch again.

    opensearch-k8s-operator#1387, #1574. `managedCluster` is the UID of blue's: another one is refused.
    """
    return _Identity("made by its operator", (flag,), lambda status: without(status, "managedCluster", "state", "reason"), {})


_IDENTITIES = {
    **{
        f"{kind}.{group}": _of_opensearch(f"existing{kind[len('Opensearch') :]}")
        for kind in (
            *("OpensearchActionGroup", "OpensearchComponentTemplate", "OpensearchIndexTemplate", "OpenSearchISMPolicy"),
            *("OpensearchRole", "OpensearchSnapshotPolicy", "OpensearchTenant"),
        )
        for group in ("opensearch.opster.io", "opensearch.org")
    },
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
    if known is None or not (value is False or (value and isinstance(value, str))):
        return None
    return Ended(known.how, EndMark(known.path, value))


def status(manifest: Manifest, type_name: str) -> Manifest:
    """Return the part of its status that moves."""
    known = _known(type_name)
    return known.part(manifest["status"]) if known else {}


def hold(type_name: str) -> Manifest:
    """Return the merge patch that keeps an operator away until the status is there; empty where none is known."""
    known = _known(type_name)
    return known.hold if known else {}


def is_lost_late(type_name: str) -> bool:
    """Return whether an object may not be created without its status where its operator may be; True for a run."""
    known = _known(type_name)
    return known is None or bool(known.late)


def late(type_name: str) -> str:
    """Return why an object stays on blue where its operator may be on green already; empty for a run."""
    known = _known(type_name)
    return known.late if known else ""


def _known(type_name: str) -> _Identity | None:
    return _OF_AWS if type_name.endswith(_AWS) else _IDENTITIES.get(type_name)
