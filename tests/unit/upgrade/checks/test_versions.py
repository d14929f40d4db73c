"""Which versions may meet which, and what etcd, CRI-O and kubeadm need."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.facts import Member
from migrator.model.verdict import Severity
from tests.support.facts import findings, hop, host, node, pod


def component(name: str, version: str, *, pod_name: str = "") -> dict[str, Any]:
    """Return a static pod of the control plane."""
    made = pod(pod_name or f"{name}-cp", "cp", namespace="kube-system", labels={"component": name})
    made["spec"]["containers"][0]["image"] = f"registry.k8s.io/{name}:v{version}"
    made["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    return made


def proxy(version: str) -> dict[str, Any]:
    """Return kube-proxy at a version."""
    image = f"registry.k8s.io/kube-proxy:v{version}"
    return {"metadata": {"name": "kube-proxy"}, "spec": {"template": {"spec": {"containers": [{"image": image}]}}}}


ROWS: list[tuple[str, dict[str, Any], str, Severity, str]] = [
    ("kubelet too new", {"nodes": (node("cp"), node("w1", version="1.37.0"), node("w2"))}, "skew", Severity.FAILURE, "newer than"),
    (
        "kubelet too old for the hop",
        {"nodes": (node("cp"), node("w1", version="1.33.0"), node("w2"))},
        "skew",
        Severity.FAILURE,
        "more than 3 minors behind",
    ),
    ("scheduler too old", {"pods": (component("kube-scheduler", "1.34.0"),)}, "skew", Severity.FAILURE, "1.34.0 beside"),
    (
        "API servers apart",
        {"pods": (component("kube-apiserver", "1.36.3"), component("kube-apiserver", "1.34.0", pod_name="other"))},
        "skew",
        Severity.FAILURE,
        "more than a minor apart",
    ),
    ("kube-proxy too old", {"daemon_sets": (proxy("1.33.0"),)}, "skew", Severity.FAILURE, "too old for 1.37.2"),
    ("kube-proxy too new", {"daemon_sets": (proxy("1.37.0"),)}, "skew", Severity.FAILURE, "newer than the API server"),
    (
        "kubeadm API that is gone",
        {"cluster_config": {"apiVersion": "kubeadm.k8s.io/v1beta2"}},
        "kubeadm-config",
        Severity.FAILURE,
        "not read any more",
    ),
    ("scheduler too new", {"pods": (component("kube-scheduler", "1.37.0"),)}, "skew", Severity.FAILURE, "1.37.0 beside"),
    ("etcd elsewhere", {"local_etcd": False}, "etcd", Severity.FAILURE, "cannot be taken from here"),
    ("learner", {"members": (Member("cp", "3.6.5", learner=True, healthy=True),)}, "etcd", Severity.FAILURE, "learner"),
    (
        "member ill",
        {"members": (Member("cp", "3.6.5", learner=False, healthy=False),)},
        "etcd",
        Severity.FAILURE,
        "does not answer",
    ),
    (
        "etcd before 1.34",
        {
            "version": "1.33.4",
            "hops": (hop("1.33.4", "1.34.2"),),
            "members": (Member("cp", "3.5.21", learner=False, healthy=True),),
            "nodes": tuple(node(name, version="1.33.4") for name in ("cp", "w1", "w2")),
            "available": {"kubernetes": ("1.34.2",), "cri-o": ("1.37.0",), "crictl": ("1.37.0",)},
        },
        "etcd",
        Severity.FAILURE,
        "only safe from 3.5.26",
    ),
    ("CRI-O of another minor", {"hops": (hop(cri_o="1.34.0"),)}, "runtime", Severity.WARNING, "minor by minor"),
    ("package missing", {"available": {"kubernetes": ("1.36.3",)}}, "packages", Severity.FAILURE, "kubernetes 1.37.2 is not in"),
    (
        "old kubeadm API",
        {"cluster_config": {"apiVersion": "kubeadm.k8s.io/v1beta3"}, "hops": (hop("1.35.1", "1.36.3"),), "version": "1.35.1"},
        "kubeadm-config",
        Severity.WARNING,
        "deprecated",
    ),
    (
        "kubeadm API that the target gives up",
        {"cluster_config": {"apiVersion": "kubeadm.k8s.io/v1beta3"}},
        "kubeadm-config",
        Severity.FAILURE,
        "not read by kubeadm of 1.37",
    ),
    (
        "no way back",
        {"available": {"kubernetes": ("1.37.2",), "cri-o": ("1.37.0",), "crictl": ("1.37.0",)}},
        "packages",
        Severity.WARNING,
        "a rollback needs it",
    ),
    ("not by kubeadm", {"cluster_config": {}}, "kubeadm-config", Severity.FAILURE, "is not there"),
]


@pytest.mark.parametrize(("broken", "name", "severity", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_fault_is_found_with_its_hint(broken: dict[str, Any], name: str, severity: Severity, words: str) -> None:
    """One thing is wrong: the check of that name says so, and what to do."""
    found = [item for item in findings(name, **broken) if words in item.reason]
    assert [item.severity for item in found[:1]] == [severity]
    assert all(item.hint for item in found if item.severity is Severity.FAILURE)


def test_versions_within_the_policy_are_let_be() -> None:
    """Controllers one minor behind, kube-proxy and kubelets three behind the target."""
    assert findings("skew", pods=tuple(component(name, "1.35.0") for name in ("kube-scheduler", "kube-controller-manager"))) == []
    assert findings("skew", pods=(component("kube-apiserver", "1.36.3"), component("kube-apiserver", "1.35.0", pod_name="b"))) == []
    assert findings("skew", daemon_sets=(proxy("1.34.0"),), nodes=(node("cp"), node("w1", version="1.34.0"), node("w2"))) == []


def test_only_the_control_plane_s_own_pods_count() -> None:
    """A person's pod may carry the label."""
    other = component("kube-scheduler", "1.30.0")
    other["metadata"]["namespace"] = "shop"
    assert findings("skew", pods=(other,)) == []


def test_a_kubelet_that_tells_no_version_is_let_be() -> None:
    """It is not Ready, which is a finding of its own."""
    assert findings("skew", nodes=(node("cp"), node("w1", version="?"), node("w2"))) == []


def test_workers_last_may_stay_three_minors_behind_and_no_more() -> None:
    """A worker of 1.34 follows a control plane to 1.37, not to 1.38."""
    nodes = (node("cp", version="1.34.0"), node("w1", version="1.34.0"), node("w2", version="1.34.0"))
    three = tuple(hop(f"1.{n}.0", f"1.{n + 1}.0", workers=n == 36) for n in (34, 35, 36))
    four = (*(hop(f"1.{n}.0", f"1.{n + 1}.0", workers=False) for n in (34, 35, 36)), hop("1.37.0", "1.38.0"))
    for hops, count in ((three, 0), (four, 3)):
        assert len(findings("skew", version="1.34.0", nodes=nodes, hops=hops)) == count


def test_etcd_is_old_only_where_1_34_is_passed() -> None:
    """3.6 comes with it; before and after, the version is kubeadm's."""
    old = (Member("cp", "3.5.21", learner=False, healthy=True),)
    for start, target, count in (("1.32.0", "1.33.0", 0), ("1.33.0", "1.34.2", 1), ("1.34.2", "1.35.0", 0)):
        assert len(findings("etcd", version=start, hops=(hop(start, target),), members=old)) == count
    safe = (Member("cp", "3.5.26", learner=False, healthy=True),)
    assert findings("etcd", version="1.33.0", hops=(hop("1.33.0", "1.34.2"),), members=safe) == []


def test_a_package_that_every_host_has_needs_no_source() -> None:
    """One host that has another version does."""
    available = {"kubernetes": ("1.36.3", "1.37.2"), "cri-o": ("1.37.0",)}
    installed = {"kubernetes": "1.36.3-1", "cri-o": "1.36.0-1", "crictl": "1.37.0-1"}
    hosts = tuple(host(name, installed=installed) for name in ("cp", "w1", "w2"))
    assert findings("packages", available=available, hosts=hosts) == []
    for there, words in (({}, "none"), ({"crictl": ("1.35.0", "1.36.0")}, "1.35.0, 1.36.0")):
        one = findings("packages", available={**available, **there}, hosts=(*hosts[:2], host("w2")))
        assert [item.reason.partition(" is ")[2] for item in one] == [f"not in the package source (there: {words})"]


@pytest.mark.parametrize(
    ("runtime", "target", "found"),
    [
        ("containerd://1.7.28", "1.37.2", ["warning"]),
        ("containerd://1.7.28", "1.38.0", ["failure"]),
        ("containerd://2.1.4", "1.38.0", []),
        ("cri-o://1.36.0", "1.38.0", []),
    ],
)
def test_a_containerd_that_kubelets_give_up_is_found(runtime: str, target: str, found: list[str]) -> None:
    """It does not tell its cgroup driver (KEP-4033; put off to 1.38: kubernetes#139267)."""
    one = node("w1")
    one["status"]["nodeInfo"]["containerRuntimeVersion"] = runtime
    items = findings("runtime", nodes=(node("cp"), one, node("w2")), hops=(hop(target=target),))
    assert [item.severity.value for item in items if item.subject == "w1"] == found


@pytest.mark.parametrize(
    ("installed", "runs", "found"),
    [
        ({"kubernetes": "1.36.3-1"}, {"kubeletVersion": "v1.36.3"}, []),
        ({"kubernetes": "1.37.2-1"}, {"kubeletVersion": "v1.36.3"}, [("failure", "newer than the API server 1.36.3")]),
        ({"kubernetes": "1.36.3-1"}, {"kubeletVersion": "v1.36.1"}, [("warning", "still runs as 1.36.1")]),
        ({"cri-o": "1.36.1-1"}, {"containerRuntimeVersion": "cri-o://1.36.0"}, [("warning", "its CRI-O still runs as 1.36.0")]),
        ({"cri-o": "1.37.0-1"}, {"containerRuntimeVersion": "cri-o://1.36.0"}, [("warning", "all pods of the node start anew")]),
        ({"cri-o": "1.36.0-2"}, {"containerRuntimeVersion": "cri-o://1.36.0"}, []),
        ({"cri-o": "1.36.0-2"}, {"containerRuntimeVersion": "containerd://2.1.0"}, []),
        ({}, {"kubeletVersion": "v1.36.3"}, []),
    ],
)
def test_a_package_that_was_replaced_behind_a_running_program_is_found(
    installed: dict[str, str], runs: dict[str, str], found: list[tuple[str, str]]
) -> None:
    """An update by itself lets the next boot start a kubelet that its API server does not know (kubernetes#65562)."""
    worker = node("w1")
    worker["status"]["nodeInfo"] = runs
    installed = {"kubernetes": "", **installed}
    items = findings(
        "packages", nodes=(node("cp"), worker, node("w2")), hosts=(host("cp"), host("w1", installed=installed), host("w2"))
    )
    assert [item.severity.value for item in items] == [severity for severity, _ in found]
    assert all(words in item.reason for item, (_, words) in zip(items, found, strict=True))


@pytest.mark.parametrize(
    ("installed", "program", "words"),
    [
        ({}, "/usr/bin/kubelet kubelet", "its kubelet is /usr/bin/kubelet of the package kubelet"),
        ({}, "/usr/local/bin/kubelet ", "its kubelet is /usr/local/bin/kubelet:"),
        ({}, "", "has no such package"),
        ({"kubernetes": "1.36.3-1"}, "/usr/local/bin/kubelet", "its kubelet is /usr/local/bin/kubelet:"),
        ({"kubernetes": "1.36.3-1"}, "/usr/bin/kubelet kubernetes", ""),
        ({"kubernetes": "1.36.3-1"}, "", ""),
    ],
)
def test_a_kubelet_of_somebody_else_is_found(installed: dict[str, str], program: str, words: str) -> None:
    """Arch Linux has packages kubelet, kubeadm and kubectl; guides of kubeadm put files into /usr/local/bin."""
    reading = (host("cp", "control-plane"), host("w1", installed=installed, kubelet_program=program), host("w2"))
    found = [(item.severity, item.subject, words in item.reason) for item in findings("packages", hosts=reading)]
    assert found == ([(Severity.FAILURE, "w1", True)] if words else [])


@pytest.mark.parametrize(
    ("runtime", "installed", "words"),
    [
        (("crun", ""), "1.36.0-1", "runs containers by crun, and after the upgrade by runc"),
        (("crun", "runc"), "1.36.0-1", "after the upgrade by runc"),
        (("crun", "crun"), "1.36.0-1", ""),
        (("runc", ""), "1.36.0-1", ""),
        (("crun", ""), "1.37.0-1", ""),
        (("", ""), "1.36.0-1", ""),
    ],
)
def test_a_package_that_would_have_another_program_run_containers_is_found(
    runtime: tuple[str, str], installed: str, words: str
) -> None:
    """CRI-O's own default is crun from 1.31 on, and the package says runc: one does not know the containers of the other."""
    one = host("w1", oci_runtime=runtime, installed={"kubernetes": "1.36.3-1", "cri-o": installed})
    found = findings("runtime", hosts=(host("cp", "control-plane"), one, host("w2")), hops=(hop(cri_o="1.37.0"),))
    assert [words in item.reason for item in found if item.subject == "w1"] == [True] * bool(words)
