"""The kubelet's settings on a node and in the cluster."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from migrator.errors import BlockedError
from migrator.model.yaml_text import load
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


def test_settings_come_to_the_node_by_the_clusters_own_configmap() -> None:
    """What others have set there stays; kubeadm writes the node's file from it, and only then the kubelet starts anew."""
    plane, host = FakeHost("green-1", accepts=["apply --server-side"]), FakeHost("green-2", accepts=["kubeadm upgrade node phase"])
    plane.answers["get configmap kubelet-config"] = "maxPods: 110\nevictionHard: {memory.available: 100Mi, pid.available: 5%}\n"
    KubeletSettings(spec(kubelet={"maxPods": 50, "evictionHard": {"memory.available": "200Mi"}}), plane).run(host)
    (given,) = plane.given
    body = yaml.safe_load(given)
    assert (body["kind"], body["metadata"]) == ("ConfigMap", {"name": "kubelet-config", "namespace": "kube-system"})
    assert yaml.safe_load(body["data"]["kubelet"]) == {
        "cgroupDriver": "systemd",
        "maxPods": 50,
        "evictionHard": {"memory.available": "200Mi", "pid.available": "5%"},
    }
    assert host.commands == ["kubeadm upgrade node phase kubelet-config && systemctl restart kubelet"]


@pytest.mark.parametrize(
    "stored", ["", "cgroupDriver: systemd\n", "null\n", "- a\n", "cgroupDriver: systemd\nevictionHard: none\n", "a: b: c\n"]
)
def test_a_file_without_a_wanted_value_is_not_done(stored: str) -> None:
    """Also one that is empty, or of another form."""
    host = FakeHost()
    host.answers["cat /var/lib/kubelet/config.yaml"] = stored
    wanted = spec(kubelet={"evictionHard": {"memory.available": "200Mi"}})
    assert not KubeletSettings(wanted, FakeHost("green-1")).done(host)


def test_a_quantity_with_an_exponent_stays_text() -> None:
    """Written without quotes it is a number to kubeadm, and the kubelet does not start (pyyaml#860)."""
    plane, host = FakeHost("green-1", accepts=["apply --server-side"]), FakeHost("green-2", accepts=["kubeadm upgrade node phase"])
    plane.answers["get configmap kubelet-config"] = 'systemReserved: {memory: "128e6"}\n'
    KubeletSettings(spec(kubelet={"kubeReserved": {"memory": "1e9"}}), plane).run(host)
    kubelet = load(load(plane.given[0])["data"]["kubelet"])
    assert (kubelet["systemReserved"], kubelet["kubeReserved"]) == ({"memory": "128e6"}, {"memory": "1e9"})


@pytest.mark.parametrize("stored", ["", "a: b: c\n", "- a\n"])
def test_settings_of_the_cluster_that_cannot_be_read_are_not_written_over(stored: str) -> None:
    """What stood there would be gone for all nodes."""
    plane = FakeHost("green-1")
    plane.answers["get configmap kubelet-config"] = stored
    with pytest.raises(BlockedError, match="green-1: ConfigMap kube-system/kubelet-config holds no settings"):
        KubeletSettings(spec(kubelet={"maxPods": 50}), plane).run(FakeHost())
