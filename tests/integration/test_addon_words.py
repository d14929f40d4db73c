"""The add-ons as real kubeadms write them."""

from __future__ import annotations

import subprocess

import pytest
import yaml

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
