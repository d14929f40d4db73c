"""Whether somebody answers behind a Service."""

from __future__ import annotations

from typing import Any

from migrator.cluster.endpoints import await_backends, ready_by_port, ready_endpoints
from migrator.model.manifest import Manifest
from migrator.model.ref import ObjectRef
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.objects import made

HOOK = ObjectRef("", "Service", "default", "hook")


def endpoints(*items: dict[str, Any], name: str = "hook") -> Manifest:
    """Return an EndpointSlice of a Service."""
    labels = {"kubernetes.io/service-name": name}
    return made(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        f"{name}-1",
        namespace="default",
        labels=labels,
        addressType="IPv4",
        endpoints=[*items],
    )


def test_ready_addresses_are_counted() -> None:
    """Without a condition an endpoint is ready; endpoints of other Services do not count."""
    cluster = FakeCluster()
    cluster.hold(
        endpoints(
            {"addresses": ["10.0.0.1", "10.0.0.2"]},
            {"addresses": ["10.0.0.3"], "conditions": {"ready": False}},
            {"addresses": ["10.0.0.4"], "conditions": {"ready": True}},
        ),
        endpoints({"addresses": ["10.0.0.9"]}, name="other"),
    )
    assert ready_endpoints(cluster, HOOK) == 3


def test_ports_are_counted_apart_and_families_once() -> None:
    """Pods without a port of the name that a Service wants stand in a slice without ports: nothing is sent there."""
    cluster = FakeCluster()
    port = [{"name": "http", "port": 80}, {"name": "metrics", "port": 90}]
    slices = ((port, 2, "IPv4"), (port, 2, "IPv6"), (port[:1], 1, "IPv4"), (None, 4, "IPv4"))
    for number, (ports, addresses, family) in enumerate(slices):
        item = endpoints(*({"addresses": [f"10.0.{number}.{last}"]} for last in range(addresses)))
        item["metadata"]["name"] = f"hook-{number}"
        cluster.hold({**item, "addressType": family, "ports": ports})
    assert ready_by_port(cluster, HOOK) == {"http": 3, "metrics": 2}
    assert ready_endpoints(cluster, HOOK) == 3


def test_a_backend_that_comes_late_is_waited_for() -> None:
    """Only as long as it takes."""
    cluster, clock = FakeCluster(), FakeClock()

    def come() -> None:
        cluster.hold(endpoints({"addresses": ["10.0.0.1"]}))

    clock.after(5, come)
    assert await_backends(cluster, [HOOK], 30, clock) == ""
    assert 5 <= clock.monotonic() < 7


def test_a_backend_that_does_not_come_is_named() -> None:
    """With how long it was waited for."""
    clock = FakeClock()
    assert await_backends(FakeCluster(), [HOOK], 30, clock) == (
        "its backend Service default/hook has no ready endpoint on green after 30 s"
    )
    assert clock.monotonic() >= 30
