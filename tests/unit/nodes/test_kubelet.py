"""The kubelet's settings on a node and in the cluster."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.nodes.kubelet import KubeletSettings
from tests.support.hosts import FakeHost
from tests.support.nodes import spec


@pytest.mark.parametrize(
    ("told", "wanted", "done"),
    [
        ("maxPods: 50\n", {"maxPods": 50}, True),
        ("maxPods: 110\n", {"maxPods": 50}, False),
        ("runtimeRequestTimeout: 15m0s\n", {"runtimeRequestTimeout": "15m"}, True),
        ("runtimeRequestTimeout: 1h30m0s\n", {"runtimeRequestTimeout": "90m"}, True),
        ("runtimeRequestTimeout: 2m0s\n", {"runtimeRequestTimeout": "15m"}, False),
        ("clusterDomain: 15m\n", {"clusterDomain": "15 minutes"}, False),
    ],
)
def test_kubelet_settings_are_the_same_however_a_duration_is_written(told: str, wanted: dict[str, Any], done: bool) -> None:  # noqa: FBT001
    """Kubeadm writes 15m as 15m0s."""
    host = FakeHost()
    host.answers["cat /var/lib/kubelet/config.yaml"] = f"cgroupDriver: systemd\n{told}"
    assert KubeletSettings(spec(kubelet=wanted), FakeHost("green-1")).done(host) is done
