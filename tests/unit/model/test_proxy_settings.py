"""What kube-proxy refuses of its settings, as its own validation has it."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.proxy_settings import refused

KUBEADM: dict[str, Any] = {
    "mode": "",
    "bindAddress": "10.0.0.9",
    "healthzBindAddress": "",
    "nodePortAddresses": None,
    "clusterCIDR": "10.1.0.0/16",
}


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, []),
        ({"mode": "userspace"}, ["mode: userspace"]),
        ({"mode": "IPVS"}, ["mode: IPVS"]),
        ({"mode": "ipvs"}, []),
        ({"mode": "ipvs", "featureGates": {"KubeProxyIPVS": False}}, ["mode: ipvs"]),
        ({"mode": "nftables", "detectLocalMode": "nodeCIDR"}, ["detectLocalMode: nodeCIDR"]),
        ({"metricsBindAddress": ":10249"}, ["metricsBindAddress: :10249"]),
        ({"metricsBindAddress": "10.0.0.9:10249", "healthzBindAddress": "[::]:10256"}, []),
        ({"metricsBindAddress": "10.0.0.9", "healthzBindAddress": "::"}, []),
        ({"healthzBindAddress": "localhost:10256"}, ["healthzBindAddress: localhost:10256"]),
        ({"healthzBindAddress": "10.0.0.1:0"}, ["healthzBindAddress: 10.0.0.1:0"]),
        ({"bindAddress": "eth0"}, ["bindAddress: eth0"]),
        ({"nodePortAddresses": ["10.0.0.5", "10.0.0.0/8"]}, ["nodePortAddresses: 10.0.0.5"]),
        ({"nodePortAddresses": ["primary"]}, []),
    ],
)
def test_what_kube_proxy_refuses_is_named(settings: dict[str, Any], found: list[str]) -> None:
    """What kubeadm leaves empty is the default."""
    assert list(refused(KUBEADM | settings, 36)) == found


@pytest.mark.parametrize(("minor", "found"), [(36, ["nodePortAddresses: primary", "nodePortAddresses: localhost"]), (37, [])])
def test_words_beside_networks_are_new(minor: int, found: list[str]) -> None:
    """Before 1.37 there was one word, which had to stand alone."""
    assert list(refused({"nodePortAddresses": ["primary", "localhost", "10.0.0.0/8"]}, minor)) == found
