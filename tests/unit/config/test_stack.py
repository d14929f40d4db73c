"""The settings of a stack: every mistake at once with its line, and what does not fit together is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from migrator.config.login import Login
from migrator.config.parse import parse
from migrator.config.stack import StackConfig, load_stack
from migrator.errors import ConfigError

BASE: dict[str, Any] = {
    "kubernetesVersion": "1.37.2",
    "packages": {"cri-o": "1.37.0", "crictl": "1.37.0", "cni-plugins": "1.9.1"},
    "nodes": [{"name": "a", "address": "10.0.0.1", "role": "control-plane"}],
}
WORKER = {"name": "b", "address": "10.0.0.2"}


def stack(**change: Any) -> StackConfig:
    """Return a stack with some settings replaced."""
    return parse(StackConfig, yaml.safe_dump({**BASE, **change}), "stack.yaml")


def test_all_mistakes_of_a_stack_are_named_with_their_lines(tmp_path: Path) -> None:
    """One go, one line each, before anything runs."""
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(
        "config:\n  migrator:cluster:\n    kubernetesVersion: '1.37'\n    packages: {cri-o: 1.37.0}\n    podsubnet: 10.0.0.0/8\n"
        "    nodes:\n      - {name: Node_1, address: 10.1.1.300, role: master}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_stack(file)
    text = "\n".join(caught.value.issues)
    for line, words in (
        (3, "1.37.2"),
        (4, "cni-plugins"),
        (5, "did you mean podSubnet?"),
        (7, "role"),
        (7, "address"),
        (7, "name"),
    ):
        assert any(issue.startswith(f"{file}:{line}:") and words in issue for issue in caught.value.issues), (line, words, text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"podSubnet": "10.96.0.0/12"}, "overlap"),
        ({"nodes": [{"name": "a", "address": "10.0.0.1"}]}, "none has the role control-plane"),
        (
            {"nodes": [{"name": n, "address": f"10.0.0.{i}", "role": "control-plane"} for i, n in enumerate("abc", 1)]},
            "load balancer",
        ),
        ({"nodes": [{"name": "a", "address": "10.244.0.9", "role": "control-plane"}]}, "range of pods"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """Ranges, roles and addresses are compared with each other."""
    base = {
        "kubernetesVersion": "1.37.2",
        "packages": {"cri-o": "1.37.0", "crictl": "1.37.0", "cni-plugins": "1.9.1"},
        "nodes": [{"name": "a", "address": "10.0.0.1", "role": "control-plane"}],
    }
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(yaml.safe_dump({"config": {"migrator:cluster": {**base, **change}}}))
    with pytest.raises(ConfigError, match=words):
        load_stack(file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nodes": [*BASE["nodes"], {**WORKER, "name": "a"}]}, "name a is given twice"),
        ({"nodes": [*BASE["nodes"], {**WORKER, "address": "10.0.0.1"}]}, "address 10.0.0.1 is given twice"),
        ({"nodes": [{**BASE["nodes"][0], "taints": ["night"]}]}, "'night' is not a taint"),
        ({"nodes": [{**BASE["nodes"][0], "taints": ["a=b:Sometimes"]}]}, "is not a taint"),
        ({"nodes": [{**BASE["nodes"][0], "name": "a;reboot"}]}, "is not a node name"),
        ({"nodes": []}, "nodes"),
        ({"kubernetesVersion": "1.37.2; reboot"}, "is not a version"),
        ({"packages": {**BASE["packages"], "cri-o": "$(reboot)"}}, "is not a version"),
        ({"packages": {**BASE["packages"], "nano": "1.0.0"}}, "and only those"),
        ({"packageSource": "http://packages.example"}, "packageKey or packageSums"),
        ({"packageSums": {"a.pkg.tar.zst": "abc"}}, "is not a SHA-256"),
        ({"podSubnet": "ten"}, "podSubnet"),
        ({"endpoint": "10.0.0.100"}, "is not host:port"),
        ({"endpoint": "https://api.example:6443"}, "is not host:port"),
        ({"endpoint": "API.example:6443"}, "is not host:port in lower case"),
        ({"endpoint": "api.example:66443"}, "is not host:port"),
        ({"endpoint": "$(reboot):6443"}, "is not host:port"),
        ({"serviceSubnet": "172.0.0.0/8"}, "too large or too small for kubeadm"),
        ({"serviceSubnet": "10.96.0.0/29"}, "too large or too small for kubeadm"),
        ({"podSubnet": "10.244.0.0/25"}, "no room for a /24"),
        (
            {"nodes": [*BASE["nodes"], WORKER], "podSubnet": "10.244.0.0/24", "cni": "bridge"},
            "no room for a /24 for each of 2 nodes",
        ),
        ({"cloud": {"allowFrom": ["192.0.2.0/24"]}}, "lies outside of cloud.network"),
        ({"cloud": {"allowFrom": []}}, "allowFrom"),
        ({"ssh": {"port": 70000}}, "ssh.port"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name(change: dict[str, Any], words: str) -> None:
    """Before anything runs: most of them would reach root's shell on a host."""
    with pytest.raises(ConfigError, match=words):
        stack(**change)


def test_a_range_of_pods_has_room_for_each_node() -> None:
    """By what a node gets of it; Weave Net gives out addresses by itself, and kubeadm reads what is of another form."""
    few = {"controllerManager": {"extraArgs": [{"name": "node-cidr-mask-size", "value": "26"}]}}
    assert stack(podSubnet="10.244.0.0/24", cni="bridge", kubeadm=few).pod_subnet == "10.244.0.0/24"
    assert stack(podSubnet="10.244.0.0/24").cni == "weave"
    assert stack(kubeadm={"controllerManager": {"extraArgs": ["?"]}}).kubeadm


@pytest.mark.parametrize("taint", ["a=b:NoSchedule", "a=:NoExecute", "a:PreferNoSchedule", "example.com/a=b:NoSchedule"])
def test_a_taint_is_written_as_kubectl_writes_it(taint: str) -> None:
    """With a value, with an empty one, and without."""
    assert stack(nodes=[{**BASE["nodes"][0], "taints": [taint]}]).nodes[0].taints == (taint,)


def test_plain_http_is_taken_with_a_key_or_with_sums() -> None:
    """Nobody in between can change packages then; https needs neither."""
    plain = {"packageSource": "http://packages.example"}
    assert stack(**plain, packageKey="key.asc").package_key == "key.asc"
    assert len(stack(**plain, packageSums={"a.pkg.tar.zst": "0" * 64}).package_sums) == 1
    assert stack(packageSource="https://packages.example").package_key == ""


def test_a_login_takes_the_node_s_own_settings_first() -> None:
    """Then those of all nodes, then what ssh takes by itself."""
    found = stack(
        ssh={"user": "alarm", "key": "all", "knownHosts": "hosts", "port": 2222},
        nodes=[BASE["nodes"][0], {**WORKER, "sshAddress": "b.example", "user": "root", "key": "own", "port": 22}],
    )
    assert [found.login(node) for node in found.nodes] == [
        Login("10.0.0.1", "alarm", 2222, "all", "hosts"),
        Login("b.example", "root", 22, "own", "hosts"),
    ]
    plain = stack()
    assert plain.login(plain.nodes[0]) == Login("10.0.0.1")


def test_several_control_planes_need_an_address_of_their_own() -> None:
    """With one they are kept in the file's order: the first begins the cluster."""
    planes = [{"name": name, "address": f"10.0.0.{number}", "role": "control-plane"} for number, name in enumerate("cab", 1)]
    found = stack(nodes=[WORKER | {"address": "10.0.0.9", "name": "w"}, *planes], endpoint="api.example:6443")
    assert [node.name for node in found.control_planes] == ["c", "a", "b"]


def test_a_file_without_a_cluster_or_without_itself_is_one_line(tmp_path: Path) -> None:
    """It says which key, or which file, was looked for."""
    with pytest.raises(ConfigError) as caught:
        load_stack(tmp_path / "Pulumi.none.yaml")
    assert "Pulumi.none.yaml" in caught.value.issues[0]
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("config: {}\n")
    with pytest.raises(ConfigError, match="migrator:cluster"):
        load_stack(file)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"podSubnet": "10.244.0.0/16,fd00:10:244::/56"}, "dual stack"),
        ({"serviceSubnet": "fd00:10:96::/112"}, "is IPv6"),
        ({"nodes": [{"name": "a", "address": "fd00::1", "role": "control-plane"}]}, "is IPv6"),
    ],
)
def test_ranges_of_ipv6_are_refused_in_plain_words(settings: dict[str, Any], words: str) -> None:
    """Neither an address that kubeadm trips over half way, nor a traceback."""
    with pytest.raises(ConfigError, match=words):
        stack(**settings)
