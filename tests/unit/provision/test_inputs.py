"""Settings reach Pulumi and come back unchanged; each stands in one list."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migrator.config.parse import parse
from migrator.config.stack import StackConfig
from migrator.nodes.spec import cluster_of, node_of
from migrator.provision.inputs import cluster_inputs, cluster_spec, node_inputs, node_spec

FULL = """
kubernetesVersion: 1.37.2
packages: {cri-o: 1.37.0, crictl: 1.37.0, cni-plugins: 1.9.1}
packageSource: /srv/packages
packageKey: keys/packages.asc
packageSums: {a.pkg.tar.zst: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}
podSubnet: 10.1.0.0/16
serviceSubnet: 10.2.0.0/16
cni: bridge
kubelet: {maxPods: 50, nested: {a: [1, 2]}}
kubeadm: {apiServer: {}}
kubeadmTimeouts: {controlPlaneComponentHealthCheck: 10m}
kubeProxy: {mode: nftables}
imageRepository: r.example.com
ignorePreflightErrors: [Swap]
removePackages: true
ssh: {user: alarm, key: ~/.ssh/id, knownHosts: hosts, port: 2222}
nodes:
- {name: cp, address: 192.168.7.1, role: control-plane, labels: {a: b}, taints: []}
- {name: w, address: 192.168.7.2, role: worker, taints: [a=b:NoSchedule], sshAddress: w.example.com}
"""
STATE_0_1_0 = {
    "id", "kubernetesVersion", "endpoint", "podSubnet", "serviceSubnet", "cni", "packages", "packageSource", "kubelet",
    "kubeadm", "timeouts", "kubeProxy", "imageRepository", "ignorePreflightErrors", "removePackages",
}  # fmt: skip


@pytest.fixture
def stack() -> StackConfig:
    """Return a stack that has every setting of a host."""
    return parse(StackConfig, FULL, "stack.yaml")


def kept(value: Any) -> Any:
    """Return a value as Pulumi gives it back: every number is a float."""
    return json.loads(json.dumps(value), parse_int=float)


def test_a_cluster_comes_back_as_it_was(stack: StackConfig) -> None:
    """Every setting, through Pulumi's state, with whole numbers whole."""
    assert cluster_spec(kept(cluster_inputs(stack, "p/s"))) == cluster_of(stack, "p/s")


def test_nodes_come_back_as_they_were(stack: StackConfig) -> None:
    """No taints, and no word of taints, are two things; the first control plane is marked."""
    for node in stack.nodes:
        assert node_spec(kept(node_inputs(stack, node))) == node_of(stack, node)
    assert [node_of(stack, node).first for node in stack.nodes] == [True, False]


def test_the_keys_of_earlier_state_are_kept(stack: StackConfig) -> None:
    """A stack that 0.1.0 made shows no difference because a setting has another name."""
    newer = {"package_key": "", "package_sums": {}}
    assert cluster_inputs(stack.model_copy(update=newer), "p/s").keys() == STATE_0_1_0
    assert cluster_inputs(stack, "p/s").keys() == STATE_0_1_0 | {"packageKey", "packageSums"}


def test_state_without_a_later_setting_gets_its_default(stack: StackConfig) -> None:
    """A key that older state does not have is no error."""
    old = {key: value for key, value in cluster_inputs(stack, "p/s").items() if key != "timeouts"}
    assert cluster_spec(old).kubeadm_timeouts == {}


def test_a_login_takes_the_node_s_own_settings_first(stack: StackConfig) -> None:
    """Its SSH address where it has one, else its address; the user, key and port of the stack."""
    assert [node_inputs(stack, node)["ssh"]["address"] for node in stack.nodes] == ["192.168.7.1", "w.example.com"]
    assert {node_inputs(stack, node)["ssh"]["user"] for node in stack.nodes} == {"alarm"}
