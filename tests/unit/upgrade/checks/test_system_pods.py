"""What a run would wait for in vain is found before it."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.facts import WeaveChange
from migrator.model.manifest import Manifest
from tests.support.facts import findings, hosts, pod


def daemon(wanted: int, available: int, namespace: str = "kube-system") -> Manifest:
    """Return a DaemonSet, some of whose pods are available."""
    status = {"observedGeneration": 1, "desiredNumberScheduled": wanted, "numberAvailable": available}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "devices", "namespace": namespace}, "status": status}


@pytest.mark.parametrize(
    ("found", "count"),
    [(daemon(3, 2), 1), (daemon(3, 3), 0), (daemon(0, 0), 0), (daemon(3, 0, "default"), 0), ({**daemon(3, 0), "status": None}, 0)],
)
def test_a_daemon_set_that_is_ill_is_found(found: Manifest, count: int) -> None:
    """After the control plane a run waits for all of kube-system's, and gives up half way."""
    told = findings("nodes", daemon_sets=(found,))
    assert [item.subject for item in told] == ["DaemonSet/kube-system/devices"] * count
    assert all("2 of 3 pods" in item.reason for item in told)


def of_image(image: str, **spec: Any) -> Manifest:
    """Return a Deployment of one container."""
    template = {"spec": {"containers": [{"name": "main", "image": image}]}}
    return {"metadata": {"name": "main", "namespace": "tools"}, "spec": {"replicas": 1, "template": template, **spec}}


@pytest.mark.parametrize(
    ("workload", "words"),
    [
        (of_image("ghcr.io/kubereboot/kured:1.20.0"), "reboots nodes"),
        (of_image("mirror.example/rancher/system-upgrade-controller:v0.15"), "changes nodes"),
        (of_image("registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.0@sha256:1"), "takes nodes away"),
        (of_image("ghcr.io/kubereboot/kured:1.20.0", replicas=0), ""),
        (of_image("example.com/kured-exporter:1"), ""),
        (of_image("web:1", template=None), ""),
    ],
)
def test_a_program_that_drains_or_reboots_nodes_by_itself_is_told(workload: Manifest, words: str) -> None:
    """A migration's plan tells of it; in place, it may reboot the node whose packages are being replaced."""
    told = [
        item
        for kind in ("deployments", "daemon_sets")
        for item in findings("nodes", **{kind: (workload,)})
        if item.subject == "tools/main"
    ]
    assert [(words in item.reason, item.severity.value, bool(item.hint)) for item in told] == [(True, "warning", True)] * (
        2 * bool(words)
    )


@pytest.mark.parametrize(
    ("annotations", "ready", "count"),
    [({"kubernetes.io/config.mirror": "x"}, "False", 1), ({"kubernetes.io/config.mirror": "x"}, "True", 0), ({}, "False", 0)],
)
def test_a_static_pod_that_is_ill_is_found(annotations: dict[str, str], ready: str, count: int) -> None:
    """Others are nobody's fault: they need not be ready afterwards."""
    ill: dict[str, Any] = pod("kube-vip-cp", "cp", owner="Node", namespace="kube-system")
    ill["metadata"]["annotations"] = annotations
    ill["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}
    told = findings("nodes", pods=(ill,))
    assert [(item.subject, "crictl logs" in item.hint) for item in told] == [("kube-system/kube-vip-cp", True)] * count


@pytest.mark.parametrize(("told", "severities"), [(True, ["warning"]), (False, ["warning", "failure"])])
def test_a_change_of_weave_net_is_told(severities: list[str], *, told: bool) -> None:
    """The new images take nft where nobody has said what the hosts have (rajch/weave#20)."""
    change = WeaveChange("weaveworks/weave-kube:2.8.1", "docker.io/rajchaudhuri/weave-kube:2.9.0", backend_told=told)
    found = findings("addons", weave=change, hosts=hosts(facts={"iptables": "legacy"}))
    assert [item.severity.value for item in found] == severities
    assert "from weaveworks/weave-kube:2.8.1 to" in found[0].reason
    assert all("the hosts have legacy" in item.reason for item in found[1:])
