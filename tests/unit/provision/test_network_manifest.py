"""A manifest of the person's own: what of it cannot be used, and where its ranges do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from migrator.errors import ConfigError
from migrator.provision.network_manifest import read_manifest, unfit_ranges

PODS, SERVICES, NODE = "10.244.0.0/16", "10.96.0.0/12", "192.168.1.11"
FLANNEL = """
kind: ConfigMap
apiVersion: v1
metadata: {name: kube-flannel-cfg, namespace: kube-flannel}
data: {net-conf.json: '{"Network": "%s", "EnableNFTables": false, "Backend": {"Type": "vxlan"}}'}
"""
CILIUM = """
kind: ConfigMap
apiVersion: v1
metadata: {name: cilium-config, namespace: kube-system}
data: {ipam: %s, cluster-pool-ipv4-cidr: "%s", cluster-pool-ipv4-mask-size: "24"}
"""
CALICO = """
kind: DaemonSet
apiVersion: apps/v1
metadata: {name: calico-node, namespace: kube-system}
spec: {template: {spec: {containers: [{name: calico-node, env: [{name: IP}, {name: CALICO_IPV4POOL_CIDR, value: %s}]}]}}}
"""
INSTALLATION = """
kind: Installation
apiVersion: operator.tigera.io/v1
metadata: {name: default}
spec: {calicoNetwork: {ipPools: [{cidr: %s}]}}
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FLANNEL % PODS, []),
        (FLANNEL % "10.0.0.0/8", ["10.0.0.0/8 and serviceSubnet 10.96.0.0/12 overlap"]),
        (FLANNEL % "10.32.0.0/16", ["10.32.0.0/16 does not hold podSubnet 10.244.0.0/16"]),
        (FLANNEL % "nonsense", ["'nonsense' is not a network"]),
        (FLANNEL.replace("'{", "'[{"), []),
        (CILIUM % ("cluster-pool", "10.32.0.0/12"), []),
        (CILIUM % ("cluster-pool", "10.0.0.0/8"), ["10.0.0.0/8 and serviceSubnet"]),
        (CILIUM % ("kubernetes", "10.0.0.0/8"), []),
        (CILIUM.replace("ipam: %s, ", "") % "10.0.0.0/8", ["10.0.0.0/8 and serviceSubnet"]),
        (CALICO % "192.168.0.0/16", ["the node's address 192.168.1.11 lies in 192.168.0.0/16"]),
        (CALICO % "10.244.0.0/16", []),
        (INSTALLATION % "192.168.0.0/16", ["the node's address 192.168.1.11 lies in 192.168.0.0/16"]),
    ],
)
def test_ranges_of_known_networks_are_compared(tmp_path: Path, text: str, words: list[str]) -> None:
    """Flannel's must hold the nodes' ranges; Calico and Cilium hand out their own, which must not collide with anything."""
    file = tmp_path / "network.yaml"
    file.write_text(text)
    found = unfit_ranges(read_manifest(file), PODS, SERVICES, [NODE])
    assert len(found) == len(words)
    assert all(word in reason for word, reason in zip(words, found, strict=True)), found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no object"),
        ("a: [", r":1: is not YAML"),
        ("404: Not Found", "document 1 is not an object of Kubernetes: it has no apiVersion"),
        ("just text", "document 1 is not an object"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {}", "it has no metadata.name"),
    ],
)
def test_what_is_no_manifest_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    """A page of an error that was downloaded is a common one."""
    file = tmp_path / "network.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        read_manifest(file)
    assert "\n" not in caught.value.message
    assert "network's own guide" in caught.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With what the operating system says."""
    with pytest.raises(ConfigError, match=r"cni\.manifest: .*none.yaml cannot be read: No such file"):
        read_manifest(tmp_path / "none.yaml")


def test_objects_of_lists_are_read_one_by_one(tmp_path: Path) -> None:
    """Weave Net's own file is a List; empty documents are left out."""
    item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
    file = tmp_path / "network.yaml"
    file.write_text("---\n" + yaml.safe_dump_all([{"apiVersion": "v1", "kind": "List", "items": [item, item]}, None, item]))
    assert [found["metadata"]["name"] for found in read_manifest(file)] == ["a", "a", "a"]
