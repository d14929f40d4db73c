"""Addresses and ports of Services: what was allocated goes, what was chosen stays."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import pytest

from migrator.model.ref import ObjectRef
from migrator.rules import services
from migrator.rules.context import GreenFacts, RuleContext
from tests.support.contexts import PLAIN, configured, owned
from tests.support.objects import made


@pytest.mark.parametrize(
    ("spec", "fields", "kept"),
    [
        ({"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]}, {}, {}),
        (
            {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]},
            {"f:clusterIP": {}},
            {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]},
        ),
        ({"clusterIP": "10.8.0.9", "clusterIPs": ["10.8.0.9"]}, {"f:clusterIP": {}}, {}),
        ({"clusterIP": "None", "clusterIPs": ["None"]}, {}, {"clusterIP": "None", "clusterIPs": ["None"]}),
        ({"ipFamilies": ["IPv4"]}, {}, {}),
        (
            {"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "PreferDualStack"},
            {},
            {"ipFamilyPolicy": "PreferDualStack"},
        ),
        (
            {"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "PreferDualStack"},
            {"f:ipFamilies": {}},
            {"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "PreferDualStack"},
        ),
        (
            {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9", "fd00::9"]},
            {"f:clusterIP": {}},
            {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]},
        ),
        ({"healthCheckNodePort": 31000}, {}, {}),
        ({"healthCheckNodePort": 31000}, {"f:healthCheckNodePort": {}}, {"healthCheckNodePort": 31000}),
    ],
    ids=[
        "allocated",
        "chosen",
        "out-of-range",
        "headless",
        "default-family",
        "allocated-families",
        "chosen-families",
        "allocated-second-address",
        "allocated-check",
        "chosen-check",
    ],
)
def test_service_allocations(spec: dict[str, Any], fields: dict[str, Any], kept: dict[str, Any]) -> None:
    """Only what a person has set and green can give stays."""
    context = RuleContext(configured(), GreenFacts(service_networks=(ipaddress.ip_network("10.96.0.0/12"),)))
    manifest = owned(made("v1", "Service", "s", spec=spec), {"f:spec": fields})
    assert services.reset_allocations(manifest, context).get("spec", {}) == kept


@pytest.mark.parametrize("networks", [(), ("10.96.0.0/12", "fd00::/112")])
def test_the_order_of_two_families_stays_where_green_may_have_both(networks: tuple[str, ...]) -> None:
    """Where green does not tell, its API server will."""
    context = RuleContext(configured(), GreenFacts(service_networks=tuple(map(ipaddress.ip_network, networks))))
    spec = {"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "PreferDualStack", "clusterIP": "None", "clusterIPs": ["None"]}
    assert services.reset_allocations(owned(made("v1", "Service", "s", spec=spec), {}), context)["spec"] == spec


def test_node_ports_one_by_one() -> None:
    """Of two ports the one with a chosen node port keeps it."""
    ports = [{"port": 80, "nodePort": 30080}, {"port": 90, "protocol": "UDP", "nodePort": 30090}]
    fields: dict[str, Any] = {
        "f:spec": {
            "f:ports": {
                'k:{"port":80,"protocol":"TCP"}': {"f:nodePort": {}, "f:port": {}},
                'k:{"port":90,"protocol":"UDP"}': {"f:port": {}},
            }
        }
    }
    done = services.reset_allocations(owned(made("v1", "Service", "s", spec={"ports": ports}), fields), PLAIN)
    assert done["spec"]["ports"] == [{"port": 80, "nodePort": 30080}, {"port": 90, "protocol": "UDP"}]


def test_last_applied_tells_what_was_chosen() -> None:
    """A node port in kubectl's last-applied annotation was chosen, whatever managedFields say."""
    applied = '{"spec":{"ports":[{"port":80,"nodePort":30080}]}}'
    manifest = made(
        "v1",
        "Service",
        "s",
        annotations={"kubectl.kubernetes.io/last-applied-configuration": applied},
        spec={"ports": [{"port": 80, "nodePort": 30080}]},
    )
    assert services.reset_allocations(manifest, PLAIN)["spec"]["ports"][0]["nodePort"] == 30080


APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.mark.parametrize(
    "applied",
    [
        "",
        "{",
        "7",
        "[]",
        '{"spec": []}',
        '{"spec": {"ports": "all"}}',
        '{"spec": {"ports": {"port": 80}}}',
        '{"spec": {"ports": [7, null, "80", {"nodePort": 30080}, {"port": [], "nodePort": 1}, {"port": "80", "nodePort": 1}]}}',
        "[" * 20_000,
        7,
        ["spec"],
    ],
)
def test_an_annotation_that_says_nothing_keeps_no_service_from_green(applied: object) -> None:
    """Anybody may write it, and no API server validates it: the Service itself is whole, and what was allocated goes."""
    spec = {"clusterIP": "10.96.0.9", "ports": [{"port": 80, "nodePort": 30080}]}
    manifest = made("v1", "Service", "s", spec=spec)
    manifest["metadata"]["annotations"] = {APPLIED: applied}
    assert services.reset_allocations(manifest, PLAIN)["spec"] == {"ports": [{"port": 80}]}


def test_a_port_of_the_annotation_is_known_by_its_protocol() -> None:
    """One number may be two ports; the others of the list count, whatever stands beside them."""
    applied = '{"spec": {"ports": [null, {"port": 53, "protocol": "UDP", "nodePort": 30053}]}}'
    ports = [{"port": 53, "protocol": "UDP", "nodePort": 30053}, {"port": 53, "nodePort": 30054}]
    manifest = made("v1", "Service", "s", annotations={APPLIED: applied}, spec={"ports": ports})
    assert services.reset_allocations(manifest, PLAIN)["spec"]["ports"] == [ports[0], {"port": 53}]


def test_what_a_controller_wrote_into_the_status_was_chosen_by_nobody() -> None:
    """A managed field of a subresource is no field of the spec."""
    manifest = owned(made("v1", "Service", "s", spec={"clusterIP": "10.96.0.9"}), {"f:spec": {"f:clusterIP": {}}})
    manifest["metadata"]["managedFields"][0]["subresource"] = "status"
    assert services.chosen_spec(manifest) == (set(), set())
    assert "clusterIP" not in services.reset_allocations(manifest, PLAIN).get("spec", {})


OTHER = ObjectRef("", "Service", "n", "other")
ITSELF = ObjectRef("", "Service", "market", "s")


@pytest.mark.parametrize(
    ("ips", "ports", "chosen", "reason"),
    [
        ({"10.96.0.9": OTHER}, {}, True, "cluster IP 10.96.0.9 is taken on green by Service/n/other"),
        ({"10.96.0.9": OTHER}, {}, False, ""),
        ({"10.96.0.9": ITSELF}, {}, True, ""),
        ({}, {30080: OTHER}, True, "node port 30080 is taken on green by Service/n/other"),
        ({}, {30080: OTHER}, False, ""),
        ({}, {30080: ITSELF}, True, ""),
        ({}, {30081: OTHER}, True, ""),
        ({}, {}, True, ""),
    ],
)
def test_what_a_person_chose_and_another_service_has_is_a_hindrance(
    ips: dict[str, ObjectRef], ports: dict[int, ObjectRef], reason: str, *, chosen: bool
) -> None:
    """Not what green allocates again, and not the Service itself, in its namespace on green, from an earlier copy."""
    context = RuleContext(configured("map: {namespaces: {shop: market}}"), GreenFacts(used_cluster_ips=ips, used_node_ports=ports))
    fields: dict[str, Any] = {"f:clusterIP": {}, "f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:nodePort": {}}}}
    spec = {"clusterIP": "10.96.0.9", "ports": [{"port": 80, "nodePort": 30080}]}
    manifest = owned(made("v1", "Service", "s", namespace="shop", spec=spec), {"f:spec": fields if chosen else {}})
    found = services.hindrance(manifest, context)
    assert (found.reason if found else "") == reason
    assert not found or "with a transform" in found.hint


@pytest.mark.parametrize(
    ("address", "inside"),
    [("10.96.0.9", True), ("10.95.255.255", False), ("fd00::9", False), ("None", False), ("", False), ("ten", False)],
)
def test_an_address_is_in_a_range_or_green_tells_none(address: str, *, inside: bool) -> None:
    """What is no address is in none; where green's ranges are not known, its API server decides."""
    context = RuleContext(configured(), GreenFacts(service_networks=(ipaddress.ip_network("10.96.0.0/12"),)))
    assert services.in_green_range(address, context) is inside
    assert services.in_green_range(address, PLAIN) is (address in ("10.96.0.9", "10.95.255.255", "fd00::9"))


@pytest.mark.parametrize(
    ("spec", "status", "words"),
    [
        ({"type": "ClusterIP"}, {}, ""),
        ({"type": "LoadBalancer"}, {}, "has no external address on blue"),
        ({"type": "LoadBalancer"}, {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}, "assigns a new external address"),
        ({"type": "LoadBalancer", "loadBalancerIP": "192.0.2.1"}, {"loadBalancer": {}}, "192.0.2.1|assigns"),
    ],
)
def test_an_external_address_is_told_by_who_gives_it(spec: dict[str, Any], status: dict[str, Any], words: str) -> None:
    """A person may have to say it to a firewall or to DNS."""
    found = services.notes(made("v1", "Service", "s", namespace="n", spec=spec, status=status), PLAIN)
    assert bool(found) == bool(words)
    assert not words or re.search(words, found[0])


def test_a_chosen_address_outside_of_green_is_told() -> None:
    """Clients that have it written down must learn the new one; one that was allocated is nobody's matter."""
    context = RuleContext(configured(), GreenFacts(service_networks=(ipaddress.ip_network("10.96.0.0/12"),)))
    manifest = made("v1", "Service", "s", namespace="n", spec={"clusterIP": "10.8.0.9"})
    assert services.notes(manifest, context) == []
    chosen = owned(manifest, {"f:spec": {"f:clusterIP": {}}})
    assert services.notes(chosen, context) == [
        "chosen cluster IP 10.8.0.9 is outside green's service ranges; green allocates another"
    ]
