"""Custom resources that are known, outside or to their own data, by what stands in their status alone.

Without it green's operator makes a second one, does not find itself in its data, or takes what it has made there for another's. So
that part of the status moves; what else is in it tells of blue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from migrator.model.manifest import Manifest, get, without
from migrator.model.plan import Ended, EndMark


def _all_but(*names: str) -> Callable[[Manifest], Manifest]:
    return lambda status: without(status, *names)


def _only(*names: str) -> Callable[[Manifest], Manifest]:
    return lambda status: {name: status[name] for name in names}


class _Identity(NamedTuple):
    """Where a kind has its identity."""

    how: str
    path: tuple[str, ...]
    """Below `status`."""
    part: Callable[[Manifest], Manifest]
    """The part of the status that moves."""
    hold: Manifest | None = None
    """The merge patch that keeps its operator away until it is there; None where none is known."""
    late: str = ""
    """Why it stays on blue where that operator may be on green already; empty where the status counts whenever it comes."""
    value: bool | None = None
    """What must stand there; None: a word, or a number that is not 0."""

    def found(self, manifest: Manifest) -> Ended | None:
        """Return the mark of an object that has its identity."""
        value = get(manifest, "status", *self.path)
        is_one = value is self.value if self.value is not None else isinstance(value, str | int) and value and value is not True
        return Ended(self.how, EndMark(self.path, value)) if is_one else None


_LATE = "its controller may be on green already, and would make a second one in {} before the status with its ID is written"


def _outside(where: str) -> _Identity:
    late = f"{_LATE.format(where)}: make it anew there, and delete the one of blue"
    return _Identity(f"made in {where}", ("id",), _all_but("conditions"), late=late)


def _of_opensearch(flag: str) -> _Identity:
    """Return where a kind has whether its own operator made it: what it finds in moved data it would never touch again.

    opensearch-k8s-operator#1387, #1574. `managedCluster` is the UID of blue's: another one is refused.
    """
    return _Identity("made by its operator", (flag,), _all_but("managedCluster", "state", "reason"), value=False)


# By the end of the group: they have many kinds, and all have the same status.
_OF_GROUPS = {
    # AWS Controllers for Kubernetes make a second one of what has no ID (aws-controllers-k8s/community#2105).
    ".services.k8s.aws": _Identity(
        "made in AWS",
        ("ackResourceMetadata", "arn"),
        _all_but("conditions"),
        late=f"{_LATE.format('AWS')}: let that adopt it (`services.k8s.aws/adoption-policy`)",
    ),
    # What Google gives an ID is found by nothing else (k8s-config-connector#7228); the rest is, by its name.
    ".cnrm.cloud.google.com": _Identity("made in Google Cloud", ("externalRef",), _only("externalRef")),
    ".coralogix.com": _outside("Coralogix"),
}
_IDENTITIES = {
    **{
        f"{kind}.datadoghq.com": _outside("Datadog")
        for kind in ("DatadogDashboard", "DatadogGenericResource", "DatadogMonitor", "DatadogSLO")
    },
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
        _only("clusterId"),
        {"metadata": {"annotations": {"strimzi.io/pause-reconciliation": "true"}}},
    ),
    # Cloudflare refuses a second tunnel of the name, and its operator tries for ever (adyanth/cloudflare-operator#153).
    **{
        f"{kind}.networking.cfargotunnel.com": _Identity("made in Cloudflare", ("tunnelId",), _all_but())
        for kind in ("ClusterTunnel", "Tunnel")
    },
    # HCP Terraform refuses a second one of the name.
    "AgentPool.app.terraform.io": _Identity("made in HCP Terraform", ("agentPoolID",), _only("agentPoolID")),
    "Project.app.terraform.io": _Identity("made in HCP Terraform", ("id",), _only("id")),
    "Workspace.app.terraform.io": _Identity("made in HCP Terraform", ("workspaceID",), _only("workspaceID")),
    # Its operator would make another role; blue's, which the Secret names, would be dropped with blue's object.
    "PostgresUser.db.movetokube.com": _Identity("has its role", ("postgresRole",), _all_but()),
    "Postgres.db.movetokube.com": _Identity("made in its database", ("succeeded",), _all_but(), value=True),
    # A user that exists is an error to its operator for ever (db-operator#128).
    "DbUser.kinda.rocks": _Identity("made in its database", ("created",), _only("created"), value=True),
}


def identity(manifest: Manifest, type_name: str) -> Ended | None:
    """Return by what an object is known, as the mark that its status bears once it is on green; None for most."""
    known = _known(type_name)
    return known.found(manifest) if known else None


def status(manifest: Manifest, type_name: str) -> Manifest:
    """Return the part of its status that moves."""
    known = _known(type_name)
    return known.part(manifest["status"]) if known else {}


def hold(type_name: str) -> Manifest:
    """Return the merge patch that keeps an operator away until the status is there; empty where none is known."""
    known = _known(type_name)
    return (known.hold if known else None) or {}


def is_lost_late(type_name: str) -> bool:
    """Return whether an object may not be created without its status where its operator may be; True for a run."""
    known = _known(type_name)
    return known is None or bool(known.late)


def late(type_name: str) -> str:
    """Return why an object stays on blue where its operator may be on green already; empty for a run."""
    known = _known(type_name)
    return known.late if known else ""


def _known(type_name: str) -> _Identity | None:
    return _IDENTITIES.get(type_name) or next((known for end, known in _OF_GROUPS.items() if type_name.endswith(end)), None)
