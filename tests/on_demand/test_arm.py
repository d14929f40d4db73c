"""An aarch64 machine, whole and emulated: our packages from our pacman repository, `pulumi up`, a pod that answers."""

from __future__ import annotations

import functools
import hashlib
import json
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrator.adapters.commands import run
from migrator.packages.publish import publish
from migrator.testbed.binaries import Store
from migrator.testbed.machines.lab import Lab
from migrator.testbed.machines.network import gateway
from migrator.testbed.machines.supplies import RUNTIME, packages
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.versions import GREEN
from tests.support.journey import PORT, Journey, cluster, ready_pods, shop
from tests.support.project import Project, say
from tests.support.sandbox import until

MINUTES = 60.0


@pytest.fixture(scope="session")
def supplies(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a pacman repository with our aarch64 packages, cross-built."""
    built = packages(store, (GREEN,), architecture="aarch64")
    repository = tmp_path_factory.mktemp("repository")
    publish(sorted(built.glob("*-aarch64.pkg.tar.zst")), repository)
    return repository


def test_kubernetes_is_cross_built_and_runs(store: Store, tmp_path: Path) -> None:
    """Kubeadm and kubelet for aarch64 are what they say, and start."""
    folder = packages(store, (GREEN,), architecture="aarch64", names=["kubernetes"])
    run(["bsdtar", "-xf", folder / f"kubernetes-{GREEN}-1-aarch64.pkg.tar.zst", "-C", tmp_path])
    for name in ("kubeadm", "kubelet"):
        assert "ARM aarch64" in run(["file", tmp_path / "usr/bin" / name])
    assert run(["qemu-aarch64-static", tmp_path / "usr/bin/kubeadm", "version", "-o", "short"]).strip() == f"v{GREEN}"


@contextmanager
def served(folder: Path, address: str) -> Iterator[str]:
    """Serve a folder over HTTP on the bridge's address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    with ThreadingHTTPServer((address, 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{address}:{server.server_address[1]}"
        server.shutdown()


def test_pulumi_makes_a_cluster_of_an_arm64_machine_and_a_pod_answers(project: Project) -> None:
    """From a bare machine with cgroup v2 to a Ready node."""
    journey = Journey(project)
    lab = Lab(project.folder / "nodes/arm", "arm", project.store, say, emulate="arm64", memory=6144)
    project.labs["arm"] = lab
    with journey.step("boot"):
        lab.up(1, (GREEN,))
    (machine,) = lab.status().machines
    network = IPv4Network(f"{machine.address}/24", strict=False)
    with served(project.supplies, gateway(network)) as repository:
        project.stack("arm", settings(lab, machine.address, repository, project.supplies))
        with journey.step("pulumi up"):
            project.up("arm")
        facts = json.loads(project.kubectl("arm", "get node arm-1 -o json"))["status"]["nodeInfo"]
        assert (facts["architecture"], facts["kubeletVersion"]) == ("arm64", f"v{GREEN}")
        with journey.step("a pod answers"):
            deploy(cluster(project, "arm"), shop())
            until(lambda: ready_pods(project, "arm") == 2, seconds=20 * MINUTES)
            until(lambda: answer(machine.address).startswith("shop web-"), seconds=10 * MINUTES)
        with journey.step("second pulumi up"):
            project.up("arm")
    assert set(project.changes("arm")) == {"same"}
    told: dict[str, Any] = {"kubernetes": GREEN, **RUNTIME, "kernel": facts["kernelVersion"], "steps": journey.steps}
    print(f"\naarch64: {json.dumps(told)}", file=sys.__stderr__)


def answer(address: str) -> str:
    """Return what the shop says, empty while nobody answers: kube-proxy makes its rules in its own time."""
    try:
        with urllib.request.urlopen(f"http://{address}:{PORT}/", timeout=30) as response:
            return str(response.read().decode())
    except OSError:
        return ""


def settings(lab: Lab, address: str, repository: str, folder: Path) -> dict[str, Any]:
    """Return a stack of one control plane that takes pods; what kubeadm waits for takes long under emulation."""
    waits = ("controlPlaneComponentHealthCheck", "kubeletHealthCheck", "kubernetesAPICall", "etcdAPICall", "tlsBootstrap")
    content = {
        "kubernetesVersion": GREEN,
        "packages": RUNTIME,
        "packageSource": repository,
        # Over plain HTTP each package is proven by what the stack pins.
        "packageSums": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.pkg.tar.zst")},
        "ssh": {"user": lab.user, "key": str(lab.key), "knownHosts": str(lab.known_hosts)},
        "nodes": [{"name": "arm-1", "address": address, "role": "control-plane", "taints": []}],
        "podSubnet": "10.244.0.0/16",
        "serviceSubnet": "10.96.0.0/16",
        "cni": "bridge",
        "kubeadmTimeouts": dict.fromkeys(waits, "30m"),
        "kubelet": {"runtimeRequestTimeout": "15m"},
    }
    return {"config": {"migrator:cluster": yaml.safe_load(yaml.safe_dump(content))}}
