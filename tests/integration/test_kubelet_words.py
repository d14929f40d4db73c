"""What real kubelets say to settings and feature gates before they would start."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from migrator.nodes.hop.ask_kubelet import asked_of_kubelet
from migrator.testbed.binaries import Store
from migrator.testbed.machines.supplies import packages
from migrator.testbed.versions import BLUE, GREEN
from tests.support.shell_host import ShellHost

pytestmark = pytest.mark.on_demand


@pytest.fixture(scope="module")
def kubelets(store: Store, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return version to kubelet, out of the packages that nodes get."""
    folder = packages(store, (BLUE, GREEN))
    found = {}
    for version in (BLUE, GREEN):
        out = tmp_path_factory.mktemp("kubelet")
        package = next(folder.glob(f"kubernetes-{version}-*.pkg.tar.zst"))
        subprocess.run(["tar", "--zstd", "-xf", package, "-C", out, "usr/bin/kubelet"], check=True)
        found[version] = str(out / "usr/bin/kubelet")
    return found


@pytest.mark.parametrize(
    ("settings", "blue", "green"),
    [
        ({}, [], []),
        ({"maxPods": 40}, [], []),
        ({"featureGates": {"NodeSwap": True, "RotateKubeletServerCertificate": True}}, [], []),
        ({"featureGates": {"GangScheduling": False}}, [], ["unrecognized feature gate: GangScheduling"]),
        ({"featureGates": {"PLEGOnDemandRelist": False}}, [], ["cannot set feature gate PLEGOnDemandRelist to false"]),
        ({"featureGates": {"GangScheduling": False, "PLEGOnDemandRelist": False}}, [], ["PLEGOnDemandRelist", "GangScheduling"]),
        ({"evictionHard": {"nodefs.available": 5}}, ["cannot unmarshal number"], ["cannot unmarshal number"]),
    ],
    ids=["nothing", "a limit", "GA, still there", "gone", "locked", "two gates", "a slip of the pen"],
)
def test_a_kubelet_says_itself_what_keeps_it_from_starting(
    kubelets: dict[str, str], tmp_path: Path, settings: dict[str, Any], blue: list[str], green: list[str]
) -> None:
    """No table of gates: each kubelet is asked, and none starts."""
    host = ShellHost(tmp_path)
    for version, words in ((BLUE, blue), (GREEN, green)):
        found = sorted(asked_of_kubelet(host, kubelets[version], settings).refused)
        assert bool(found) == bool(words)
        assert all(any(word in reason for reason in found) for word in words)
