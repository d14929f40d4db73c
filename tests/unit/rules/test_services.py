"""Addresses and ports of Services: what was allocated goes, what was chosen stays."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

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
