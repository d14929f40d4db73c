"""Whether the Service behind a webhook or APIService has an endpoint that is ready."""

from __future__ import annotations

from migrator.errors import ApiError
from migrator.model.kinds import ENDPOINT_SLICES
from migrator.model.ref import ObjectRef
from migrator.ports import Clock, ClusterReader

_POLL = 0.5


def ready_endpoints(cluster: ClusterReader, service: ObjectRef) -> int:
    """Return how many ready addresses stand behind a Service."""
    slices = cluster.list(ENDPOINT_SLICES, service.namespace, f"kubernetes.io/service-name={service.name}")
    return sum(
        len(endpoint.get("addresses") or [])
        for item in slices
        for endpoint in item.get("endpoints") or []
        # An absent condition means ready (discovery/v1 EndpointConditions).
        if (endpoint.get("conditions") or {}).get("ready") is not False
    )


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
