"""A Service on green has what blue's has: an endpoint for each port, and an address, unless its pods are not meant to run yet."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.migration.endpoint_check import Sides, endpoint_findings
from migrator.migration.one_side.look import HeldPods
from migrator.model.manifest import Manifest
from migrator.model.ref import ObjectRef
from migrator.model.verdict import Severity
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.objects import crd, deployment, made
from tests.support.pairs import Pair, in_green, in_shop, pair
from tests.support.programs import workload

WEB = ObjectRef("", "Service", "shop", "web")
HTTP, METRICS = {"name": "http", "port": 80}, {"name": "metrics", "port": 90}
NONE = (Severity.FAILURE, "no ready endpoint; blue has 1")


def web(**more: Any) -> Manifest:
    """Return a Service."""
    return made("v1", "Service", "web", namespace="shop", spec={"selector": {"app": "web"}, "ports": [HTTP, METRICS], **more})


def with_slice(cluster: FakeCluster, *ports: Manifest, count: int = 1) -> None:
    """Put ready addresses behind the Service."""
    name = f"web-{len(cluster.requests)}-{len(ports)}"
    labels = {
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    addresses = [{"addresses": [f"10.0.0.{number}"]} for number in range(count)]
    more = {"endpoints": addresses, "ports": [*ports], "addressType": "IPv4"}
    cluster.hold(made("discovery.k8s.io/v1", "EndpointSlice", name, namespace="shop", labels=labels, **more))


def found(both: Pair) -> list[tuple[Severity, str]]:
    """Return what is found of the Service."""
    plan, _ = both.read()
    sides = Sides(both.blue, both.green, both.clock, plan, HeldPods(plan, ()))
    item = next(item for item in plan.items if item.blue == WEB)
    return [(each.severity, each.reason) for each in endpoint_findings(item, sides, deadline=both.clock.monotonic() + 3)]


@pytest.mark.parametrize(
    ("blue", "green", "expected"),
    [
        ([HTTP, METRICS], [HTTP, METRICS], []),
        ([HTTP, METRICS], [HTTP], [(Severity.FAILURE, "no ready endpoint for port metrics; blue has 1")]),
        ([HTTP], [], [(Severity.FAILURE, "no ready endpoint for port http; blue has 1")]),
        ([], [HTTP], []),
        ([], [], []),
    ],
    ids=["all", "one is missing", "none has the port", "better than blue", "without ports"],
)
def test_each_port_of_blue_s_must_be_served(blue: list[Manifest], green: list[Manifest], expected: list[Any]) -> None:
    """Pods may be ready without the port that the Service sends to (kubernetes#127958)."""
    both = pair(web())
    both.copy()
    with_slice(both.blue, *blue)
    with_slice(both.green, *green)
    assert found(both) == expected


def led(by: str, *labels: tuple[str, str], selector: dict[str, str]) -> Pair:
    """Return a pair with a Service and a workload of this image, whose pod on blue has more labels than its template."""
    program = workload(by, name="app")
    program["metadata"]["namespace"] = "shop"
    both = pair(program, web(selector=selector))
    both.blue.hold(made("v1", "Pod", "app-0", namespace="shop", labels={"app": "app", **dict(labels)}))
    with_slice(both.blue, HTTP)
    both.copy()
    return both


@pytest.mark.parametrize(
    "label",
    [("role", "master"), ("vault-active", "true"), ("statefulset.kubernetes.io/pod-name", "app-0")],
    ids=lambda item: item[0],
)
def test_a_service_of_a_leader_that_is_held_has_no_endpoint_yet(label: tuple[str, str]) -> None:
    """Its label is set while it runs: with it no cutover could begin."""
    for selector in (dict([label]), {"app": "app", **dict([label])}):
        assert found(led("x/external-dns:1", label, selector=selector)) == [(Severity.OK, "its pods are held until the cutover")]
        assert found(led("x/web:1", label, selector=selector)) == [NONE]
    both = led("x/external-dns:1", label, selector=dict([label]))
    both.blue.faults.append(Fault("list", forbidden, kind="Pod"))
    assert found(both) == [NONE]


def test_pods_of_others_behind_the_service_count() -> None:
    """They do not come with what is held."""
    both = led("x/external-dns:1", ("role", "master"), selector={"role": "master"})
    both.blue.hold(made("v1", "Pod", "other", namespace="shop", labels={"app": "other", "role": "master"}))
    assert found(both) == [NONE]


@pytest.mark.parametrize(
    ("least", "replicas", "severity"),
    [(None, 0, Severity.WARNING), (0, 0, Severity.WARNING), (1, 0, Severity.FAILURE), (0, 1, Severity.FAILURE)],
)
def test_what_is_scaled_to_0_without_traffic_is_a_warning(least: int | None, replicas: int, severity: Severity) -> None:
    """KEDA takes the pods of what has nothing to do; an HPA would never start it again from 0."""
    both = pair(crd("scaledobjects", "ScaledObject", "keda.sh"), in_shop(deployment("web")), web())
    spec = {"scaleTargetRef": {"name": "web"}, "triggers": []} | ({} if least is None else {"minReplicaCount": least})
    both.blue.hold(made("keda.sh/v1", "ScaledObject", "web", namespace="shop", spec=spec))
    with_slice(both.blue, HTTP)
    both.copy()
    there = in_green(both.green, ObjectRef("apps", "Deployment", "shop", "web"))
    both.green.patch(both.green.type_of(there), "shop", "web", {"spec": {"replicas": replicas}}, manager="keda")
    ((told, reason),) = found(both)
    assert (told, reason.partition(" (")[0]) == (severity, "no ready endpoint; blue has 1")


@pytest.mark.parametrize(
    ("given", "expected"), [(True, []), (False, ["has no address of a load balancer on green; blue's has 192.0.2.1"])]
)
def test_a_service_without_the_address_that_blue_s_has_is_told(expected: list[str], *, given: bool) -> None:
    """Nobody there may give one, and nobody reaches it by it."""
    address = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    both = pair(web(type="LoadBalancer") | {"status": address})
    both.copy()
    if given:
        there = in_green(both.green, WEB)
        both.green.patch(both.green.type_of(there), "shop", "web", {"status": address}, manager="metallb", subresource="status")
    assert [reason for _, reason in found(both)] == expected
