"""Add-ons that kubeadm is told to leave."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migrator.model.kubeadm import missing_addons
from migrator.nodes.hop.addons import addon_flags
from tests.support.facts import kubeadms_addons
from tests.support.hosts import FakeHost

COREDNS, PROXY = kubeadms_addons()
PROXY_SETTINGS = {"kind": "ConfigMap", "metadata": {"name": "kube-proxy"}}


def coredns(image: str) -> dict[str, Any]:
    """Return CoreDNS with another image."""
    return COREDNS | {"spec": {"template": {"spec": {"containers": [{"image": image}]}}}}


@pytest.mark.parametrize(
    ("config", "items", "missing"),
    [
        ({}, (COREDNS, PROXY), set()),
        ({}, (COREDNS,), {"kube-proxy"}),
        ({}, (COREDNS, PROXY_SETTINGS), set()),
        ({"proxy": {"disabled": True}}, (COREDNS, PROXY), {"kube-proxy"}),
        ({"dns": {"disabled": True}}, (PROXY,), {"coredns"}),
        ({}, (PROXY,), {"coredns"}),
        ({}, (coredns("docker.io/coredns/coredns:1.12.0"), PROXY), {"coredns"}),
        ({}, (coredns("10.0.0.9:5000/coredns:v1.14.1"), PROXY), {"coredns"}),
        ({"imageRepository": "10.0.0.9:5000"}, (coredns("10.0.0.9:5000/coredns:v1.14.1"), PROXY), set()),
        ({"dns": {"imageRepository": "own/dns"}}, (coredns("own/dns/coredns:v1@sha256:00"), PROXY), set()),
    ],
)
def test_what_is_not_kubeadm_s_is_left(config: dict[str, Any], items: tuple[dict[str, Any], ...], missing: set[str]) -> None:
    """Turned off, not there, or from another registry than kubeadm's."""
    assert missing_addons(config, items) == missing


@pytest.mark.parametrize("version", ["1.31.9", "1.37.2"])
def test_only_a_kubeadm_with_phases_is_told(version: str) -> None:
    """One before 1.32 leaves what is not there by itself, and knows no such argument."""
    host = FakeHost(accepts=["test -e /etc/kubernetes/admin.conf"])
    host.answers["deployment/coredns"] = json.dumps({"items": [COREDNS]})
    flags, checks = addon_flags(host, version)
    assert (flags, checks) == ((["--skip-phases=addon/kube-proxy"], ()) if version == "1.37.2" else ([], ()))
