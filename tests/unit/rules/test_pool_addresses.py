"""A Service asks on green for the address that a pool has given it on blue."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.rules import services
from migrator.rules.pool_addresses import asks, keep_address
from tests.support.contexts import PLAIN
from tests.support.objects import made

POOL = {"metallb.io/ip-allocated-from-pool": "lan"}
OLD_POOL = {"metallb.universe.tf/ip-allocated-from-pool": "lan"}
SATISFIED = [{"type": "cilium.io/IPAMRequestSatisfied", "status": "True"}]


def service(annotations: dict[str, str], *ips: object, conditions: list[dict[str, str]] | None = None, **spec: Any) -> Manifest:
    """Return a Service with addresses."""
    status = {"loadBalancer": {"ingress": [{"ip": ip} for ip in ips]}, "conditions": conditions or []}
    one = made("v1", "Service", "s", spec={"type": "LoadBalancer", **spec}, status=status)
    one["metadata"]["annotations"] = annotations
    return one


@pytest.mark.parametrize(
    ("one", "asks"),
    [
        (service(POOL, "192.0.2.9"), {"metallb.io/loadBalancerIPs": "192.0.2.9"}),
        (service(POOL, "192.0.2.9", "2001:db8::9"), {"metallb.io/loadBalancerIPs": "192.0.2.9,2001:db8::9"}),
        (service(OLD_POOL, "192.0.2.9"), {"metallb.universe.tf/loadBalancerIPs": "192.0.2.9"}),
        (service({}, "192.0.2.9", conditions=SATISFIED), {"lbipam.cilium.io/ips": "192.0.2.9"}),
    ],
    ids=["MetalLB", "two families", "MetalLB before 0.14", "Cilium"],
)
def test_the_address_is_asked_for(one: Manifest, asks: dict[str, str]) -> None:
    """By the annotation of the controller that gave it; what a person reads in the plan says so."""
    annotations = keep_address(one, PLAIN)["metadata"]["annotations"]
    assert annotations == {**one["metadata"]["annotations"], **asks}
    assert services.notes(one, PLAIN) == [
        f"asks green's controller for the external address that it has on blue: {next(iter(asks.values()))}"
    ]


@pytest.mark.parametrize(
    "one",
    [
        service({}, "192.0.2.9"),
        service(POOL),
        service(POOL, None),
        service(POOL, "a name"),
        service(POOL, "192.0.2.9", loadBalancerIP="192.0.2.9"),
        service({**POOL, "metallb.io/loadBalancerIPs": "192.0.2.8"}, "192.0.2.9"),
        service({**POOL, "metallb.universe.tf/loadBalancerIPs": "192.0.2.8"}, "192.0.2.9"),
        service({**POOL}, "192.0.2.9", type="ClusterIP"),
        service({}, "192.0.2.9", conditions=[{"type": "cilium.io/IPAMRequestSatisfied", "status": "False"}]),
        service({"kube-vip.io/loadbalancerIPs": "192.0.2.9"}, "192.0.2.9"),
    ],
    ids=[
        "a cloud's",
        "no address yet",
        "a host name",
        "no address",
        "asks by its spec",
        "a person's word",
        "in its old form",
        "no longer a load balancer",
        "not given",
        "kube-vip asks by itself",
    ],
)
def test_all_others_stay_as_they_are(one: Manifest) -> None:
    """The very same object."""
    assert keep_address(one, PLAIN) is one


def test_who_asks_by_itself() -> None:
    """By its spec or by an annotation, also after the rule."""
    assert asks(service({}, loadBalancerIP="192.0.2.9"))
    assert asks(service({"purelb.io/addresses": "192.0.2.9"}))
    assert asks(keep_address(service(POOL, "192.0.2.9"), PLAIN))
    assert not asks(service(POOL))


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (service({}), "has no external address on blue"),
        (service({}, "192.0.2.9"), "assigns a new external address"),
        (service({}, loadBalancerIP="192.0.2.9"), "assigns a new external address"),
    ],
)
def test_one_without_an_address_may_take_another_ones(one: Manifest, words: str) -> None:
    """MetalLB gives it the one that another asks for, where it knows both at the same moment (metallb#1984)."""
    (note,) = services.notes(one, PLAIN)
    assert words in note
