"""What real kubeadm binaries know and refuse: the words that the checks of an upgrade are made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrator.nodes.hop.ask_kubeadm import known_gates, refused_configuration
from migrator.testbed.binaries import Store
from migrator.testbed.versions import BLUE, GREEN
from tests.support.shell_host import ShellHost

CONFIG: dict[str, Any] = {"apiVersion": "kubeadm.k8s.io/v1beta4", "networking": {"podSubnet": "10.244.0.0/16"}}


@pytest.fixture
def host(tmp_path: Path) -> ShellHost:
    """Return this machine as a host."""
    return ShellHost(tmp_path)


def test_a_gate_that_the_next_minor_gives_up_is_known_before_and_refused_after(host: ShellHost, store: Store) -> None:
    """NodeLocalCRISocket goes with 1.37: kubeadm then reads nothing of the configuration that has it."""
    old, new = (str(store.kubernetes(version, ("kubeadm",))["kubeadm"]) for version in (BLUE, GREEN))
    assert "NodeLocalCRISocket" in known_gates(host, old)
    assert known_gates(host, new) & {"NodeLocalCRISocket", "RootlessControlPlane"} == {"RootlessControlPlane"}
    gated = {**CONFIG, "featureGates": {"NodeLocalCRISocket": True}}
    assert refused_configuration(host, old, gated, BLUE) == ()
    (refused,) = refused_configuration(host, new, gated, GREEN)
    assert "NodeLocalCRISocket is not a valid feature name" in refused.reason


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, ""),
        ({"featureGates": {"ControlPlaneKubeletLocalMode": True}}, "ControlPlaneKubeletLocalMode"),
        ({"networking": {"podSubnet": "10.244.0.0/99"}}, "podSubnet"),
        ({"apiVersion": "kubeadm.k8s.io/v1beta3"}, "uses an old API spec"),
        ({"scheduler": {"extraArgs": {"v": "4"}}}, "cannot unmarshal"),
        ({"controllerManger": {}}, "unknown field"),
    ],
    ids=["fine", "gate", "network", "older API", "map of arguments", "a slip of the pen"],
)
def test_a_configuration_is_judged_by_kubeadm_itself(host: ShellHost, store: Store, more: dict[str, Any], words: str) -> None:
    """Whatever its next version says no to, in its own words."""
    found = refused_configuration(host, str(store.kubernetes(GREEN, ("kubeadm",))["kubeadm"]), {**CONFIG, **more}, GREEN)
    assert [words in item.reason for item in found] == ([True] if words else [])
