"""Which endpoints of a Service are ready."""

from __future__ import annotations

from collections import Counter

from migrator.errors import ApiError
from migrator.model.kinds import ENDPOINT_SLICES
from migrator.model.ref import ObjectRef
from migrator.ports import Clock, ClusterReader

_POLL = 0.5


def ready_endpoints(cluster: ClusterReader, service: ObjectRef) -> int:
    """Return how many ready addresses stand behind a Service."""
    return max(ready_by_port(cluster, service).values(), default=0)


def ready_by_port(cluster: ClusterReader, service: ObjectRef) -> dict[str, int]:
    """Return how many ready addresses stand behind each port of a Service, by its name; of two families, those of one.

    A slice without ports leads nowhere where others have some: its pods have no port of the name that the Service wants
    (kubernetes#127958, zalando/skipper#3151). Where none has, the Service is one without ports.
    """
    found: Counter[tuple[str, str]] = Counter()
    portless: Counter[str] = Counter()
    for item in cluster.list(ENDPOINT_SLICES, service.namespace, f"kubernetes.io/service-name={service.name}"):
        # An absent condition means ready (discovery/v1 EndpointConditions).
        ready = [each for each in item.get("endpoints") or [] if (each.get("conditions") or {}).get("ready") is not False]
        count, family = sum(len(each.get("addresses") or []) for each in ready), str(item.get("addressType"))
        for port in item.get("ports") or []:
            found[port.get("name") or "", family] += count
        if not item.get("ports"):
            portless[family] += count
    ports = {name for name, _ in found}
    if not ports:
        return {"": max(portless.values(), default=0)}
    return {name: max(count for (port, _), count in found.items() if port == name) for name in ports}


def await_backends(cluster: ClusterReader, services: list[ObjectRef], timeout: float, clock: Clock) -> str:
    """Wait until each Service has a ready endpoint; return what is missing when time is up, empty when all is well."""
    deadline = clock.monotonic() + timeout
    for service in services:
        while True:
            try:
                if ready_endpoints(cluster, service):
                    break
                missing = f"its backend Service {service.namespace}/{service.name} has no ready endpoint on green"
            except ApiError as error:
                missing = f"its backend Service {service.namespace}/{service.name} cannot be looked at: {error.message}"
            if clock.monotonic() >= deadline:
                return f"{missing} after {timeout:.0f} s"
            clock.sleep(_POLL)
    return ""
