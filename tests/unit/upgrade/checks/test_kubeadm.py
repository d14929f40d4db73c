"""What kubeadm refuses, and the add-ons that it would put back."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.facts import KubeadmReading, Refusal
from migrator.model.patches import PatchReading
from migrator.upgrade.checks.kubeadm import arguments, faulty_versions
from migrator.upgrade.checks.table import IN_CLUSTER, check
from tests.support.facts import facts, hop, host, hosts, node

CONFIG = {"apiVersion": "kubeadm.k8s.io/v1beta4"}


def found(**broken: Any) -> list[tuple[str, str]]:
    """Return check and severity of what is found."""
    return [(item.check, item.severity.value) for item in check(facts(**broken))]


@pytest.mark.parametrize(
    ("gate", "known", "refused"),
    [
        ("ControlPlaneKubeletLocalMode", frozenset(), True),
        ("WaitForAllControlPlaneComponents", frozenset(), True),
        ("RootlessControlPlane", frozenset(), False),
        ("NewGate", frozenset(), False),
        ("NewGate", frozenset({"RootlessControlPlane"}), True),
        ("RootlessControlPlane", frozenset({"RootlessControlPlane"}), False),
    ],
)
def test_a_gate_of_kubeadm_s_own_that_is_gone_is_found(gate: str, known: frozenset[str], *, refused: bool) -> None:
    """What its program says counts; where it was not asked, what is known of its releases (kind#4230)."""
    reading = KubeadmReading(gates=known)
    config = {**CONFIG, "featureGates": {gate: True}}
    assert found(cluster_config=config, kubeadm=reading) == ([("kubeadm-config", "failure")] if refused else [])


def test_a_refusal_has_kubeadm_s_own_name() -> None:
    """So that a person can accept it."""
    reading = KubeadmReading(refusals=(Refusal("kubeadm 1.37.2 upgrade plan", "CoreDNSUnsupportedPlugins", "there are some"),))
    (item,) = check(facts(kubeadm=reading))
    assert (item.check, item.severity.value, item.reason) == ("kubeadm", "failure", "CoreDNSUnsupportedPlugins: there are some")


@pytest.mark.parametrize(
    ("broken", "names"),
    [
        ({"cluster_config": {**CONFIG, "proxy": {"disabled": True}}}, ["kube-proxy"]),
        ({"cluster_config": {**CONFIG, "dns": {"disabled": True}}}, ["coredns"]),
        ({"missing_addons": frozenset({"kube-proxy"})}, ["kube-proxy"]),
    ],
)
def test_an_add_on_that_was_replaced_stays_replaced(broken: dict[str, Any], names: list[str]) -> None:
    """Kubeadm is told to leave it, which a person is told (kubernetes#129415)."""
    items = check(facts(**broken))
    assert [(item.check, item.severity.value, item.subject) for item in items] == [("addons", "warning", name) for name in names]


def test_a_kubeadm_before_1_32_leaves_add_ons_by_itself() -> None:
    """Nothing is to be told."""
    nodes = tuple(node(name, version="1.30.1") for name in ("cp", "w1", "w2"))
    broken = {"missing_addons": frozenset({"kube-proxy"}), "hops": (hop("1.30.1", "1.31.2"),), "version": "1.30.1", "nodes": nodes}
    assert not [item for item in found(**broken) if item[0] == "addons"]


def test_a_forgotten_config_map_brings_kube_proxy_back_before_1_32() -> None:
    """Kubeadm knows no phases to skip there (cilium#14847)."""
    nodes = tuple(node(name, version="1.30.1") for name in ("cp", "w1", "w2"))
    broken = {"missing_addons": frozenset({"kube-proxy"}), "hops": (hop("1.30.1", "1.31.2"),), "version": "1.30.1", "nodes": nodes}
    assert ("addons", "failure") in found(**broken, proxy_config={"mode": "iptables"})


@pytest.mark.parametrize(
    ("config", "subjects"),
    [
        ({"controllerManager": {"extraArgs": [{"name": "concurrent-service-syncs", "value": "2"}]}}, ["kube-controller-manager"]),
        ({"etcd": {"local": {"extraArgs": {"experimental-compaction-batch-limit": "9"}}}}, ["etcd"]),
        ({"etcd": {"local": {"extraArgs": [{"name": "quota-backend-bytes", "value": "9"}]}}}, []),
        ({"apiServer": {"extraArgs": [{"name": "cloud-provider", "value": "external"}]}}, []),
        ({"scheduler": {"extraArgs": None}}, []),
    ],
    ids=["controller manager", "etcd, as v1beta3 writes it", "known", "gone before", "none"],
)
def test_an_extra_argument_that_the_target_does_not_know_is_found(config: dict[str, Any], subjects: list[str]) -> None:
    """Kubeadm takes any argument and writes it down; one that went in an earlier minor is not there now."""
    items = check(facts(cluster_config={**CONFIG, **config}))
    assert [(item.check, item.subject) for item in items] == [("gates", f"kubeadm-config/{name}") for name in subjects]


@pytest.mark.parametrize(
    ("section", "argument", "minor"),
    [
        ("apiServer", "insecure-port", 24),
        ("scheduler", "address", 24),
        ("apiServer", "service-account-api-audiences", 25),
        ("scheduler", "logtostderr", 26),
        ("controllerManager", "pod-eviction-timeout", 27),
        ("controllerManager", "volume-host-allow-local-loopback", 31),
    ],
)
def test_an_argument_of_an_old_cluster_is_found_before_the_hop_that_it_would_end(section: str, argument: str, minor: int) -> None:
    """People keep what a guide of years ago has given them; nothing complains until the flag is gone."""

    def gone(target: int) -> int:
        start, end = f"1.{target - 1}.9", f"1.{target}.3"
        config = {**CONFIG, section: {"extraArgs": {argument: "1"}}}
        reading = facts(version=start, hops=(hop(start, end),), cluster_config=config)
        return len(list(arguments(reading)))

    assert [gone(minor - 1), gone(minor), gone(minor + 1)] == [0, 1, 0]


@pytest.mark.parametrize(
    ("patched", "found"),
    [
        ({"arguments": {("etcd0.yaml", "etcd", "experimental-initial-corrupt-check")}}, [("gates", "failure", "from 1.37 on")]),
        ({"arguments": {("etcd0.yaml", "etcd", "quota-backend-bytes")}}, []),
        ({"images": ("kube-apiserver0.yaml",)}, [("kubeadm", "failure", "would never run")]),
        ({"broken": ("kube-apiserver0.yaml",)}, [("kubeadm", "failure", "would stop at")]),
        ({"passed_over": ("kubelet0+merge.yaml",)}, [("kubeadm", "warning", "is ignored by kubeadm")]),
    ],
    ids=["an argument that goes", "one that stays", "an image", "no YAML", "another name"],
)
def test_a_patch_that_keeps_the_next_version_from_running_is_found(
    patched: dict[str, Any], found: list[tuple[str, str, str]]
) -> None:
    """Kubeadm applies patches when it has begun already."""
    items = check(facts(patched=PatchReading(**patched)))
    assert [(item.check, item.severity.value, words in item.reason) for item, (_, _, words) in zip(items, found, strict=True)] == [
        (name, severity, True) for name, severity, _ in found
    ]


def test_a_control_plane_without_the_files_of_its_static_pods_is_found() -> None:
    """An audit policy, or keys of an encryption at rest, that were copied to the first control plane alone."""
    (found,) = check(facts(hosts=hosts(missing=("/etc/kubernetes/audit-policy.yaml",))))
    assert (found.check, found.subject, found.severity.value) == ("kubeadm-config", "cp", "failure")
    assert "/etc/kubernetes/audit-policy.yaml" in found.reason


@pytest.mark.parametrize(
    ("unread", "found"), [((), 1), (("ConfigMap kubelet-config: forbidden",), 0)], ids=["not there", "told already"]
)
def test_a_cluster_without_settings_of_its_kubelets_is_found(unread: tuple[str, ...], found: int) -> None:
    """Somebody has removed the ConfigMap: `kubeadm upgrade node` reads it on each node."""
    items = [item for item in check(facts(kubelet_config={}, unread=unread)) if item.subject == "kubelet-config"]
    assert [item.check for item in items] == ["kubeadm-config"] * found


@pytest.mark.parametrize(
    ("runs", "socket", "count"),
    [
        ("cri-o://1.36.0", "unix:///var/run/crio/crio.sock", 0),
        ("cri-o://1.36.0", "/var/run/crio/crio.sock", 0),
        ("cri-o://1.36.0", "/var/run/dockershim.sock", 1),
        ("cri-o://1.36.0", "unix:///run/containerd/containerd.sock", 1),
        ("cri-o://1.36.0", "unix:///run/elsewhere/my.sock", 0),
        ("docker://28.0.0", "unix:///var/run/cri-dockerd.sock", 0),
        ("cri-o://1.36.0", "", 0),
        ("", "/var/run/dockershim.sock", 0),
    ],
)
def test_a_node_with_the_socket_of_another_runtime_is_found(runs: str, socket: str, count: int) -> None:
    """As one that changed its runtime once and kept the annotation (kubeadm#2597)."""
    worker = node("w1")
    worker["metadata"]["annotations"] = {"kubeadm.alpha.kubernetes.io/cri-socket": socket}
    worker["status"]["nodeInfo"]["containerRuntimeVersion"] = runs
    items = [item for item in check(facts(nodes=(node("cp"), worker, node("w2")))) if item.check == "runtime"]
    assert [item.severity.value for item in items] == ["failure"] * count
    assert all("annotate node w1 --overwrite" in item.hint and "/crio/crio.sock" in item.hint for item in items)


@pytest.mark.parametrize(
    ("names", "refused"),
    [
        (("authorization-config", "authorization-mode"), True),
        (("authorization-config", "authorization-webhook-version", "audit-log-path"), True),
        (("authentication-config", "oidc-issuer-url"), True),
        (("authorization-config", "audit-log-path"), False),
        (("authorization-mode", "oidc-issuer-url"), False),
    ],
)
def test_arguments_that_exclude_each_other_are_found(names: tuple[str, ...], *, refused: bool) -> None:
    """Real API servers of 1.36 and 1.37 end with "can not be specified when" and "are mutually exclusive" (k3s#12017)."""
    config = {**CONFIG, "apiServer": {"extraArgs": [{"name": name, "value": "x"} for name in names]}}
    items = [item for item in check(facts(cluster_config=config)) if item.check == "gates"]
    assert ["of which it takes only one" in item.reason for item in items] == [True] * refused


@pytest.mark.parametrize(
    ("target", "flags", "found"),
    [
        ("1.30.0", frozenset({"--node-ip"}), "writes its own defaults"),
        ("1.30.1", frozenset({"--node-ip"}), ""),
        ("1.28.2", frozenset({"--node-ip"}), "waits in vain for an etcd"),
        ("1.35.0", frozenset({"--node-ip"}), ""),
        ("1.35.0", frozenset({"--pod-infra-container-image"}), "kubeadm-flags.env without flags"),
        ("1.35.0", frozenset(), "kubeadm-flags.env without flags"),
        ("1.35.1", frozenset(), ""),
    ],
)
def test_a_release_whose_kubeadm_fails_is_found(target: str, flags: frozenset[str], found: str) -> None:
    """A package source has what somebody has built once; advice knows only that there is some release of a minor."""
    start = f"1.{int(target.split('.')[1]) - 1}.9"
    reading = facts(hops=(hop(start, target),), hosts=(host("w1", flags_of_kubeadm=flags), host("w2", error="no route to host")))
    told = list(faulty_versions(reading))
    assert [found in item.reason for item in told] == ([True] if found else [])
    assert all(item.hint.startswith("take 1.") for item in told)
    assert faulty_versions not in IN_CLUSTER
