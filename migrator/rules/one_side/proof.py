"""What a program tells of its own work, where a pod that is ready proves none of it; pure functions."""

from __future__ import annotations

import math
from typing import NamedTuple

from migrator.model.address import is_loopback
from migrator.model.manifest import Manifest, containers, pod_spec
from migrator.rules.one_side.names import flags


class Proof(NamedTuple):
    """A metric that tells when a program did its work last."""

    metric: str
    """In seconds since 1970; 0 before the first time."""
    failures: str
    """A metric that counts what it tried in vain."""
    flag: str
    """Names the address at which the metrics are given."""
    port: int
    """Where they are without that flag."""


EXTERNAL_DNS = Proof(
    "external_dns_controller_last_sync_timestamp_seconds", "external_dns_registry_errors_total", "metrics-address", 7979
)
"""It goes on, and answers its probes, while its DNS server is away or refuses its key (external-dns, controller.go: SoftError)."""


def port_of(workload: Manifest, proof: Proof) -> int:
    """Return the port of the pods that gives the metrics to others, 0 where none does."""
    told = [value for container in containers(pod_spec(workload) or {}) for value in flags(container).get(proof.flag, ())]
    if not told:
        return proof.port
    host, _, port = told[0].rpartition(":")
    return int(port) if port.isdecimal() and not is_loopback(host) and 0 < int(port) < 1 << 16 else 0


def value_of(metrics: str, name: str) -> float | None:
    """Return the value of a metric without labels in Prometheus' text format, or None."""
    for line in metrics.splitlines():
        if line.startswith(f"{name} "):
            try:
                value = float(line.split()[1])
            except (IndexError, ValueError):
                return None
            return value if math.isfinite(value) else None
    return None


def words(workload: Manifest, proof: Proof) -> str:
    """Return what of its work will be known once it runs on green, for a person."""
    port = port_of(workload, proof)
    if port:
        return f"and waited for until its metrics tell of its first sync ({proof.metric}, port {port} of its pods)"
    return f"which proves nothing of what it reaches: --{proof.flag} gives its metrics to nobody else (use :{proof.port})"
