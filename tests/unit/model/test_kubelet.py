"""Settings of a kubelet, by its file, drop-in files and flags."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.kubelet import arguments_of, flags_in, gates_in, gates_of_cluster, settings_after, settings_of_flags


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("/usr/bin/kubelet\n--config\n/c.yaml\n--fail-swap-on\n--v=2\n", {"--config": "/c.yaml", "--fail-swap-on": "", "--v": "2"}),
        ('KUBELET_EXTRA_ARGS="--node-ip=10.0.0.1 --max-pods 40"\n', {"--node-ip": "10.0.0.1", "--max-pods": "40"}),
    ],
    ids=["command line", "file of variables"],
)
def test_flags_are_read_as_a_kubelet_gets_them(text: str, flags: dict[str, str]) -> None:
    """With a value behind `=` or a blank, or without one."""
    assert flags_in(text) == flags


def test_flags_stand_for_settings() -> None:
    """A switch without a value is on."""
    flags = {
        "--fail-swap-on": "False",
        "--protect-kernel-defaults": "",
        "--cpu-manager-policy": "static",
        "--feature-gates": "A=true",
    }
    assert settings_of_flags(flags) == {
        "failSwapOn": False,
        "protectKernelDefaults": True,
        "cpuManagerPolicy": "static",
        "featureGates": {"A": True},
    }
    assert settings_of_flags({"--v": "2"}) == {}


def test_gates_and_arguments_of_a_static_pod_are_read() -> None:
    """Of its command and of its arguments."""
    container = {"command": ["kube-apiserver", "--feature-gates=A=true,B=false"], "args": ["--v=2"]}
    found = arguments_of({"spec": {"containers": [container]}})
    assert (gates_in(found["--feature-gates"]), found["--v"]) == ({"A": True, "B": False}, "2")
    assert arguments_of({}) == {}
    words = ["etcd", "--data-dir", "/data/etcd", "--v2", "--name=cp", "--snapshot-count", "-1", "--last"]
    assert arguments_of({"spec": {"containers": [{"command": words, "args": None}]}}) == {
        "etcd": "",
        "--data-dir": "/data/etcd",
        "/data/etcd": "",
        "--v2": "",
        "--name": "cp",
        "--snapshot-count": "",
        "-1": "",
        "--last": "",
    }
    forms: list[Any] = [[7], ["--x"], {}, "text", [{"command": 7, "args": {"a": 1}}]]
    for strange in forms:
        assert arguments_of({"spec": {"containers": strange}}) == {}


@pytest.mark.parametrize(
    ("shared", "patch", "found"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2, "c": 3}),
        ({}, {"b": 2}, {"own": 1, "c": 3}),
        ({"a": 1}, None, None),
        ({"c": 1}, {}, {"c": 3}),
    ],
    ids=["the cluster's, and a patch", "not readable", "a patch that is not worked out", "what is kept counts more"],
)
def test_what_an_upgrade_leaves_of_settings(
    shared: dict[str, Any], patch: dict[str, Any] | None, found: dict[str, Any] | None
) -> None:
    """`kubeadm upgrade node` writes the cluster's over the node's."""
    assert settings_after(shared, patch, {"own": 1}, {"c": 3}) == found


@pytest.mark.parametrize(
    ("config", "proxy", "found"),
    [
        ({"apiServer": {"extraArgs": [{"name": "feature-gates", "value": "A=true"}]}}, {}, {"kube-apiserver": {"A": True}}),
        ({"scheduler": {"extraArgs": {"feature-gates": "B=false"}}}, {}, {"kube-scheduler": {"B": False}}),
        ({}, {"featureGates": {"C": True}}, {"kube-proxy": {"C": True}}),
        ({"apiServer": {"extraArgs": 7}, "controllerManager": None}, {"featureGates": [1]}, {}),
    ],
    ids=["v1beta4", "v1beta3", "kube-proxy", "strange"],
)
def test_gates_by_settings_of_the_cluster_are_read(
    config: dict[str, Any], proxy: dict[str, Any], found: dict[str, dict[str, bool]]
) -> None:
    """What kubeadm writes into static pods, and what kube-proxy reads itself."""
    assert gates_of_cluster(config, proxy) == found
