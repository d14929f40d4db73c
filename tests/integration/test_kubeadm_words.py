"""What real kubeadm binaries know and refuse: the words that the checks of an upgrade are made from."""

from __future__ import annotations

import fnmatch
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from migrator.errors import CommandFailedError
from migrator.nodes.hop.ask_kubeadm import known_gates, refused_configuration
from migrator.nodes.hop.upgrade_settings import with_timeouts
from migrator.nodes.runtime import image_sources, list_images
from migrator.testbed.binaries import Store
from migrator.testbed.versions import BLUE, GREEN
from migrator.upgrade.checks.kubeadm import GONE_ARGUMENTS
from tests.support.nodes import spec
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


def test_a_cluster_s_own_registries_are_asked_for_by_kubeadm_s_names(host: ShellHost, store: Store) -> None:
    """As the next kubeadm writes them: CoreDNS and etcd from elsewhere, the pinned tag kept."""
    own = {
        "imageRepository": "r.example:5000",
        "dns": {"imageRepository": "r.example:5000/dns"},
        "etcd": {"local": {"imageTag": "3.6.12-0"}},
    }
    kubeadm = str(store.kubernetes(GREEN, ("kubeadm",))["kubeadm"])
    images = list_images(host, kubeadm, spec(kubernetes_version=GREEN, image_sources=image_sources(own)))
    assert f"r.example:5000/kube-apiserver:v{GREEN}" in images
    assert "r.example:5000/etcd:3.6.12-0" in images
    assert [image for image in images if image.startswith("r.example:5000/dns/coredns:")]


@pytest.mark.parametrize("words", [("apply", f"v{GREEN}", "--yes"), ("node",)])
def test_timeouts_go_with_all_arguments_that_an_upgrade_has(host: ShellHost, store: Store, words: tuple[str, ...]) -> None:
    """Kubeadm refuses some of its arguments beside a file: it gets as far as the cluster, which there is none of here."""
    kubeadm = str(store.kubernetes(GREEN, ("kubeadm",))["kubeadm"])
    flags = ("--patches=/p", "--etcd-upgrade=false", "--certificate-renewal=false", "--skip-phases=addon/kube-proxy")
    *left, config = with_timeouts(host, {"upgradeManifests": "10m"}, (*words, *flags, "--ignore-preflight-errors=Mem"))
    file = host.path(config.partition("=")[2])
    with pytest.raises(CommandFailedError, match=r"load admin kubeconfig|kubelet\.conf"):
        host.run(" ".join((kubeadm, "upgrade", *left, f"--config={file}", "--kubeconfig=/nowhere/admin.conf")))


def test_arguments_that_are_gone_are_those_that_the_programs_do_not_know(store: Store) -> None:
    """Of what goes with the newer minor here: known to the older program of Kubernetes, unknown to the newer, and to its etcd."""
    minor = int(GREEN.split(".")[1])
    rows = [row for row in GONE_ARGUMENTS if row.minor == minor]
    assert rows
    for row in rows:
        newer = store.etcd() if row.program == "etcd" else store.kubernetes(GREEN, (row.program,))[row.program]
        assert not known_arguments(newer, row.pattern)
        assert row.program == "etcd" or known_arguments(store.kubernetes(BLUE, (row.program,))[row.program], row.pattern)


def known_arguments(program: Path, pattern: str) -> list[str]:
    """Return the arguments of a program's help whose names a pattern meets."""
    done = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    return fnmatch.filter(re.findall(r"^ +(?:-\w, )?--([a-z0-9-]+)", done.stdout + done.stderr, re.MULTILINE), pattern)
