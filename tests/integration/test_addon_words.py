"""The add-ons as real kubeadms write them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrator.model.proxy_settings import refused
from migrator.testbed.binaries import Store
from migrator.testbed.versions import BLUE, GREEN
from tests.support.facts import findings

pytestmark = pytest.mark.on_demand


@pytest.mark.parametrize("version", [BLUE, GREEN])
@pytest.mark.parametrize(("name", "kind"), [("kube-proxy", "daemon_sets"), ("coredns", "deployments")])
def test_an_add_on_that_nobody_has_changed_has_no_finding(store: Store, version: str, name: str, kind: str) -> None:
    """As each kubeadm prints it."""
    kubeadm = str(store.kubernetes(version, ("kubeadm",))["kubeadm"])
    command = [kubeadm, "init", "phase", "addon", name, "--print-manifest", f"--kubernetes-version={version}"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    items = [item for item in yaml.safe_load_all(printed) if item and item["kind"] in ("DaemonSet", "Deployment")]
    assert len(items) == 1
    assert findings("addons", **{kind: tuple(items)}) == []


@pytest.mark.parametrize("version", [BLUE, GREEN])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mode": "userspace"},
        {"mode": "IPVS"},
        {"mode": "ipvs"},
        {"mode": "nftables", "detectLocalMode": "nodeCIDR"},
        {"metricsBindAddress": ":10249"},
        {"metricsBindAddress": "10.0.0.9", "healthzBindAddress": "[::]:10256"},
        {"healthzBindAddress": "localhost:10256"},
        {"healthzBindAddress": "10.0.0.1:0"},
        {"bindAddress": "eth0"},
        {"nodePortAddresses": ["10.0.0.5", "10.0.0.0/8"]},
        {"nodePortAddresses": ["primary"]},
        {"nodePortAddresses": ["primary", "localhost", "10.0.0.0/8"]},
    ],
)
def test_kube_proxy_itself_refuses_what_is_said_to_be_refused(
    store: Store, tmp_path: Path, version: str, settings: dict[str, Any]
) -> None:
    """It checks its settings before it writes them, and ends."""
    file = tmp_path / "settings.yaml"
    file.write_text(
        yaml.safe_dump({"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", **settings})
    )
    program = str(store.kubernetes(version, ("kube-proxy",))["kube-proxy"])
    command = [program, f"--config={file}", f"--write-config-to={tmp_path / 'whole.yaml'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    found = list(refused(settings, int(version.split(".")[1])))
    assert (done.returncode == 0) is (not found), done.stderr
