"""Whether green's DNS answers for the domain of blue's Services, which settings and data hold as `NAME.NAMESPACE.svc.DOMAIN`."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.errors import ApiError
from migrator.migration.claims import one
from migrator.model.kinds import CONFIG_MAPS
from migrator.model.manifest import get
from migrator.model.verdict import Finding, Severity
from migrator.ports import ClusterReader

# Of addresses, not of Services.
_REVERSE = (".arpa", ".arpa.")


def other_domain(blue: ClusterReader, green: ClusterReader) -> Iterator[Finding]:
    """Yield a finding where CoreDNS of green does not serve a domain of blue's.

    Nodes of RabbitMQ and members of MongoDB keep such names (rabbitmq/cluster-operator#75). Where a side has no such Corefile,
    nothing is known.
    """
    try:
        mine, other = _domains(blue), _domains(green)
    except ApiError as error:
        yield Finding("network", "cluster domain", Severity.UNKNOWN, error.message, "grant reading ConfigMaps of kube-system")
        return
    if missing := sorted(mine - other) if other else []:
        reason = f"Services of blue are named in domain {missing[0]}, those of green in {', '.join(sorted(other))}"
        hint = "full names find nothing on green: add the domain to `kubernetes` in its Corefile, or raise green with that domain"
        yield Finding("network", "cluster domain", Severity.WARNING, reason, hint)


def _domains(cluster: ClusterReader) -> frozenset[str]:
    """Return the zones of the plugin `kubernetes` in the Corefile (coredns.io/plugins/kubernetes)."""
    found = one(cluster, CONFIG_MAPS, "kube-system", "coredns") or {}
    lines = [line.split() for line in str(get(found, "data", "Corefile") or "").splitlines()]
    zones = [zone for words in lines if words[:1] == ["kubernetes"] for zone in words[1:] if zone != "{"]
    return frozenset(zone.rstrip(".").lower() for zone in zones if not zone.endswith(_REVERSE))
