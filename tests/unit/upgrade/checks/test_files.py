"""Files on a host that decide whether a kubelet or a static pod starts."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.upgrade.checks.table import check
from tests.support.facts import facts, host, hosts


def static(name: str) -> dict[str, Any]:
    """Return the manifest of a static pod."""
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "kube-system"}, "spec": {"containers": [{"command": [name]}]}}


API = {"kube-apiserver": static("kube-apiserver")}


@pytest.mark.parametrize(
    ("broken", "severity", "words"),
    [
        (
            {"manifests": API, "other_files": {"kube-apiserver.yaml.bak": static("kube-apiserver")}},
            "failure",
            "a second kube-apiserver",
        ),
        ({"manifests": API, "other_files": {"#kube-apiserver.yaml#": static("kube-apiserver")}}, "failure", "a second"),
        ({"other_files": {"README": {}}}, "failure", "it is not a static pod"),
        ({"other_files": {"notes.json": {}}}, "failure", "it is not a static pod"),
        ({"other_files": {"old.json": static("old")}}, "", ""),
        ({"manifests": {**API, "kube-apiserver-old": static("kube-apiserver")}}, "failure", "are both kube-apiserver"),
        ({"manifests": {**API, "kube-vip": static("kube-vip")}}, "warning", "no upgrade knows of: kube-vip"),
        ({"manifests": API}, "", ""),
        ({"compared": False}, "warning", "lost unseen"),
    ],
)
def test_what_lies_beside_static_pods_is_found(broken: dict[str, Any], severity: str, words: str) -> None:
    """The kubelet runs each file of the folder, backups included."""
    found = [item for item in check(facts(hosts=hosts(**broken))) if item.check == "manifests"]
    assert [item.severity.value for item in found[:1]] == ([severity] if severity else [])
    assert all(words in item.reason for item in found[:1])


@pytest.mark.parametrize(
    ("spec", "version", "found"),
    [
        ({"serviceAccountName": "kube-vip"}, "1.33.4", 1),
        ({"volumes": [{"name": "c", "configMap": {"name": "haproxy"}}]}, "1.33.4", 1),
        ({"containers": [{"envFrom": [{"secretRef": {"name": "vrrp"}}]}]}, "1.33.4", 1),
        (
            {"volumes": [{"name": "c", "hostPath": {"path": "/etc/haproxy"}}], "priorityClassName": "system-node-critical"},
            "1.33.4",
            0,
        ),
        ({"serviceAccountName": "kube-vip"}, "1.36.3", 0),
    ],
    ids=["service account", "volume", "variables", "files of the host", "it does not run now, either"],
)
def test_a_static_pod_that_refers_to_objects_does_not_run_any_more(spec: dict[str, Any], version: str, found: int) -> None:
    """Kubelets of 1.34 refuse it: a load balancer before the API servers would be gone (kubernetes#131837)."""
    pod = {"kind": "Pod", "metadata": {"name": "kube-vip", "namespace": "kube-system"}, "spec": spec}
    items = check(facts(version=version, hosts=hosts(manifests={"kube-vip": pod})))
    assert len([item for item in items if "refers to a" in item.reason]) == found


STATIC = {"cpuManagerPolicy": "static"}
CLUSTER = {"cgroupDriver": "systemd"}


@pytest.mark.parametrize(
    ("state", "shared", "patch", "found"),
    [
        ({"cpuManagerPolicy": "static"}, CLUSTER, {}, 1),
        ({"cpuManagerPolicy": "static"}, {**CLUSTER, **STATIC}, {}, 0),
        ({"cpuManagerPolicy": "static"}, CLUSTER, STATIC, 0),
        ({"cpuManagerPolicy": "static"}, CLUSTER, None, 0),
        ({"cpuManagerPolicy": "none"}, CLUSTER, {}, 0),
        ({"memoryManagerPolicy": "Static"}, CLUSTER, {}, 1),
        ({"memoryManagerPolicy": "None"}, CLUSTER, {}, 0),
    ],
)
def test_a_state_file_of_another_policy_keeps_the_next_kubelet_down(
    state: dict[str, str], shared: dict[str, Any], patch: dict[str, Any] | None, found: int
) -> None:
    """Kubeadm writes the cluster's settings over a node's own, patches last; what cannot be worked out is left alone."""
    reading = (host("cp", "control-plane"), host("w1", state=state, kubelet={**CLUSTER, **STATIC}), host("w2"))
    items = check(
        facts(hosts=reading, kubelet_config=shared, kubelet_patch=patch, patches=frozenset({"kubeletconfiguration.yaml"}))
    )
    assert [(item.check, item.severity.value) for item in items] == [("kubelet", "failure")] * found


@pytest.mark.parametrize(
    ("broken", "shared", "words"),
    [
        ({"unreadable_state": ("/var/lib/kubelet/actuated_pods_state",)}, {}, "actuated_pods_state is empty or broken"),
        ({"cpus": ("0-1,2-3", "0-3")}, STATIC, ""),
        ({"cpus": ("0-3", "0-1")}, STATIC, "0-1 are online"),
        ({"cpus": ("0,2-3", "0-3")}, STATIC, "has CPUs 0,2-3"),
        ({"cpus": ("0-3", "")}, STATIC, ""),
        ({"cpus": ("0-3", "0-1")}, {}, ""),
    ],
    ids=["empty", "whole", "a smaller machine", "a write that was cut", "not told", "another policy"],
)
def test_a_state_file_that_a_kubelet_cannot_use_keeps_it_down(broken: dict[str, Any], shared: dict[str, str], words: str) -> None:
    """After a power cut, or on a machine whose CPUs have changed (kubernetes#135711, #84783, #110478)."""
    found = [
        item for item in check(facts(hosts=hosts(**broken), kubelet_config={**CLUSTER, **shared})) if item.severity == "failure"
    ]
    assert [words in item.reason for item in found] == ([True] if words else [])


def test_a_host_without_a_plugin_of_its_pod_network_is_found() -> None:
    """A package that was replaced has taken it along (flannel#1721)."""
    (item,) = check(facts(hosts=hosts(no_plugins=("flannel", "flannel"))))
    assert (item.check, item.severity.value, item.subject) == ("nodes", "failure", "cp")
    assert "no CNI plugin flannel, which" in item.reason
