"""Each row of the preflight: fine as it is, found when it is wrong, with its hint."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.facts import Certificate, Member, StaleUse
from migrator.model.upgrade import DrainRules
from migrator.model.verdict import CheckName, Finding, Severity
from migrator.upgrade.checks.table import check
from tests.support.facts import DAY, NOW, facts, hop, host, node, pod

CONTROL = {"component": "kube-scheduler"}
NOT_READY = [{"type": "Ready", "status": "False", "message": "PLEG is not healthy"}]
PRESSURE = [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True", "message": "full"}]


def component(name: str, version: str) -> dict[str, Any]:
    """Return a static pod of the control plane."""
    made = pod(f"{name}-cp", "cp", namespace="kube-system", labels={"component": name})
    made["spec"]["containers"][0]["image"] = f"registry.k8s.io/{name}:v{version}"
    made["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    return made


def budget(**status: int) -> dict[str, Any]:
    """Return a disruption budget of the shop."""
    return {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, **status},
    }


def webhook(**more: Any) -> dict[str, Any]:
    """Return a configuration of one webhook on pods."""
    one = {
        "name": "pods.policy.example",
        "clientConfig": {"service": {"namespace": "policy", "name": "hook"}},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE"]}],
        **more,
    }
    return {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "policy"}, "webhooks": [one]}


def crd(stored: list[str], *served: str) -> dict[str, Any]:
    """Return a definition with these versions."""
    versions = [{"name": name, "served": True} for name in served]
    return {"metadata": {"name": "things.example"}, "spec": {"versions": versions}, "status": {"storedVersions": stored}}


def manifest(*flags: str) -> dict[str, Any]:
    """Return a static pod's manifest with these flags."""
    return {"kind": "Pod", "spec": {"containers": [{"command": ["kube-apiserver", *flags]}]}}


def local_volume(name: str) -> dict[str, Any]:
    """Return a volume on one node, bound to claim shop/data."""
    return {"metadata": {"name": name}, "spec": {"local": {"path": "/data"}, "claimRef": {"namespace": "shop", "name": "data"}}}


def with_claim(name: str) -> dict[str, Any]:
    """Return a pod that mounts claim shop/data."""
    return pod(name, "w1", spec={"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]})


WORKERS = (node("cp"), node("w1"), node("w2"))
EMPTY_DIR = {"volumes": [{"name": "scratch", "emptyDir": {}}]}

ROWS: list[tuple[str, dict[str, Any], str, Severity, str]] = [
    (
        "host away",
        {"hosts": (host("w1", error="w1: connection refused", hint="is it on?"),)},
        "ssh",
        Severity.FAILURE,
        "connection refused",
    ),
    ("node not in the file", {"hosts": (host("cp", "control-plane"), host("w1"))}, "nodes", Severity.FAILURE, "not in the file"),
    ("node not in the cluster", {"nodes": (node("cp"), node("w1"))}, "nodes", Severity.FAILURE, "not in the cluster"),
    ("not Ready", {"nodes": (node("cp"), node("w1", conditions=NOT_READY), node("w2"))}, "nodes", Severity.FAILURE, "PLEG"),
    ("pressure", {"nodes": (node("cp"), node("w1", conditions=PRESSURE), node("w2"))}, "nodes", Severity.FAILURE, "DiskPressure"),
    ("cordoned", {"nodes": (node("cp"), node("w1", unschedulable=True), node("w2"))}, "nodes", Severity.WARNING, "stays cordoned"),
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
        {
            "pods": (
                component("kube-apiserver", "1.36.3"),
                component("kube-apiserver", "1.34.0")
                | {
                    "metadata": {
                        "name": "other",
                        "namespace": "kube-system",
                        "uid": "other",
                        "labels": {"component": "kube-apiserver"},
                        "annotations": {"kubernetes.io/config.mirror": "x"},
                    }
                },
            )
        },
        "skew",
        Severity.FAILURE,
        "more than a minor apart",
    ),
    (
        "kube-proxy too old",
        {
            "daemon_sets": (
                {
                    "metadata": {"name": "kube-proxy"},
                    "spec": {"template": {"spec": {"containers": [{"image": "registry.k8s.io/kube-proxy:v1.33.0"}]}}},
                },
            )
        },
        "skew",
        Severity.FAILURE,
        "too old for 1.37.2",
    ),
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
        {"cluster_config": {"apiVersion": "kubeadm.k8s.io/v1beta3"}},
        "kubeadm-config",
        Severity.WARNING,
        "deprecated",
    ),
    (
        "no way back",
        {"available": {"kubernetes": ("1.37.2",), "cri-o": ("1.37.0",), "crictl": ("1.37.0",)}},
        "packages",
        Severity.WARNING,
        "a rollback needs it",
    ),
    ("not by kubeadm", {"cluster_config": {}}, "kubeadm-config", Severity.FAILURE, "is not there"),
    (
        "client of a removed API",
        {"requested": {"networking.k8s.io/v1beta1 ipaddresses": "1.37"}},
        "removed-apis",
        Severity.FAILURE,
        "serves it no more",
    ),
    (
        "objects that nobody serves",
        {
            "counts": {"certificates.k8s.io/v1alpha1/ClusterTrustBundle": 2},
            "served": frozenset({"certificates.k8s.io/v1alpha1/ClusterTrustBundle"}),
        },
        "removed-apis",
        Severity.FAILURE,
        "2 objects",
    ),
    (
        "writer of a removed API",
        {"stale": (StaleUse("ServiceCIDR.networking.k8s.io/x", "networking.k8s.io/v1beta1", "helm"),)},
        "removed-apis",
        Severity.WARNING,
        "wrote ServiceCIDR",
    ),
    (
        "stored version that is not served",
        {"definitions": (crd(["v1alpha1"], "v1"),)},
        "stored-versions",
        Severity.FAILURE,
        "v1alpha1",
    ),
    (
        "two stored versions",
        {"definitions": (crd(["v1beta1", "v1"], "v1beta1", "v1"),)},
        "stored-versions",
        Severity.WARNING,
        "v1beta1, v1",
    ),
    (
        "cgroup v1",
        {"hosts": (host("cp", "control-plane", facts={"cgroup": 1}), host("w1"), host("w2"))},
        "cgroup",
        Severity.FAILURE,
        "do not start",
    ),
    (
        "cgroup v1, told to live with it",
        {"hosts": (host("cp", "control-plane"), host("w1", facts={"cgroup": 1}, kubelet={"failCgroupV1": False}), host("w2"))},
        "cgroup",
        Severity.WARNING,
        "give up",
    ),
    (
        "disk",
        {"hosts": (host("cp", "control-plane", facts={"disk": 1600, "etcd": 700}), host("w1"), host("w2"))},
        "disk",
        Severity.FAILURE,
        "2900",
    ),
    (
        "certificate ran out",
        {
            "hosts": (
                host("cp", "control-plane", certificates=(Certificate("/x.crt", NOW - DAY, authority=False),)),
                host("w1"),
                host("w2"),
            )
        },
        "certificates",
        Severity.FAILURE,
        "ran out 1 days ago",
    ),
    (
        "authority runs out soon",
        {
            "hosts": (
                host("cp", "control-plane", certificates=(Certificate("/ca.crt", NOW + 90 * DAY, authority=True),)),
                host("w1"),
                host("w2"),
            )
        },
        "certificates",
        Severity.WARNING,
        "runs out in 90 days",
    ),
    (
        "clock",
        {"hosts": (host("cp", "control-plane", facts={"skew": -90.0}), host("w1"), host("w2"))},
        "clock",
        Severity.FAILURE,
        "-90 s",
    ),
    (
        "edited manifest",
        {"hosts": (host("cp", "control-plane", edited=("kube-apiserver has `- --v=4`",)), host("w1"), host("w2"))},
        "manifests",
        Severity.FAILURE,
        "--v=4",
    ),
    (
        "kubelet's own setting",
        {"hosts": (host("cp", "control-plane"), host("w1", kubelet={"cgroupDriver": "systemd", "maxPods": 40}), host("w2"))},
        "kubelet",
        Severity.WARNING,
        "maxPods: 40",
    ),
    (
        "gate that goes",
        {
            "hosts": (
                host("cp", "control-plane"),
                host("w1", kubelet={"cgroupDriver": "systemd", "featureGates": {"OldGate": True}}),
                host("w2"),
            )
        },
        "gates",
        Severity.FAILURE,
        "OldGate",
    ),
    (
        "gate of the API server",
        {
            "hosts": (
                host("cp", "control-plane", manifests={"kube-apiserver": manifest("--feature-gates=OldGate=true")}),
                host("w1"),
                host("w2"),
            )
        },
        "gates",
        Severity.FAILURE,
        "OldGate",
    ),
    (
        "plugin that is gone",
        {
            "hosts": (
                host(
                    "cp",
                    "control-plane",
                    manifests={"kube-apiserver": manifest("--enable-admission-plugins=NodeRestriction,SecurityContextDeny")},
                ),
                host("w1"),
                host("w2"),
            )
        },
        "gates",
        Severity.FAILURE,
        "SecurityContextDeny",
    ),
    (
        "flag that is gone",
        {"hosts": (host("cp", "control-plane"), host("w1", unknown_flags=("--old-flag",)), host("w2"))},
        "gates",
        Severity.FAILURE,
        "--old-flag",
    ),
    ("budget", {"pods": (pod("web", "w1"),), "budgets": (budget(),)}, "budgets", Severity.FAILURE, "allows no disruption"),
    ("pod of nobody", {"pods": (pod("alone", "w1", owner=None),)}, "drain", Severity.FAILURE, "no controller"),
    ("local data", {"pods": (pod("web", "w1", spec=EMPTY_DIR),)}, "drain", Severity.FAILURE, "emptyDir scratch"),
    (
        "local data, given up",
        {"pods": (pod("web", "w1", spec=EMPTY_DIR),), "drain": DrainRules(delete_emptydir_data=True)},
        "drain",
        Severity.WARNING,
        "is lost",
    ),
    (
        "single replica",
        {"deployments": ({"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 1}},)},
        "replicas",
        Severity.WARNING,
        "one replica",
    ),
    (
        "local volume",
        {"pods": (with_claim("db"),), "volumes": (local_volume("disk"),)},
        "local-data",
        Severity.WARNING,
        "volume disk",
    ),
    (
        "nowhere to go",
        {"pods": (pod("big", "w1", memory="3Gi"), *(pod(f"full-{n}", n, memory="3Gi") for n in ("cp", "w2")))},
        "scheduling",
        Severity.FAILURE,
        "not enough memory",
    ),
    ("webhook without backend", {"webhooks": (webhook(),)}, "webhooks", Severity.FAILURE, "no ready endpoint"),
    (
        "webhook with one backend",
        {"webhooks": (webhook(),), "backends": {"policy/hook": 1}},
        "webhooks",
        Severity.WARNING,
        "one endpoint",
    ),
    (
        "an address that leads to another machine",
        {"nodes": (node("cp", machine="aa"),), "hosts": (host("cp", "control-plane", facts={"machine_id": "bb"}),)},
        "identity",
        Severity.FAILURE,
        "its machine-id is bb, the node's aa",
    ),
    ("not to be read", {"unread": ("Secret: forbidden",)}, "unread", Severity.FAILURE, "forbidden"),
]


def test_a_cluster_without_faults_has_no_findings() -> None:
    """What is fine is not spoken of."""
    assert check(facts()) == ()


@pytest.mark.parametrize(("broken", "name", "severity", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_fault_is_found_with_its_hint(broken: dict[str, Any], name: str, severity: Severity, words: str) -> None:
    """One thing is wrong: the check of that name says so, and what to do."""
    found = [item for item in check(facts(**broken)) if item.check == name and words in item.reason]
    assert [item.severity for item in found[:1]] == [severity]


def test_every_name_is_of_a_check_that_finds_something() -> None:
    """`--ignore` offers no name that means nothing."""
    assert {row[2] for row in ROWS} == set(CheckName)


def test_every_check_can_be_ignored_and_stays_in_sight() -> None:
    """An ignored failure becomes a warning that says so."""
    found = check(facts(local_etcd=False), ["etcd"])
    assert [(item.check, item.severity) for item in found] == [("etcd", Severity.WARNING)]
    assert "(ignored)" in found[0].reason


def test_another_machine_is_never_ignored() -> None:
    """What is wrong would be done to somebody else's; one that is written as a UUID is the same."""
    swapped = {"nodes": (node("w1", machine="aa"), node("w2", machine="b-B")), "hosts": (host("w1", facts={"machine_id": "bb"}),)}
    found = [item for item in check(facts(**swapped), list(CheckName)) if item.check is CheckName.IDENTITY]
    assert [(item.subject, item.severity) for item in found] == [("w1", Severity.FAILURE)]
    same = {**swapped, "hosts": (host("w2", facts={"machine_id": "Bb"}),)}
    assert not [item for item in check(facts(**same)) if item.check is CheckName.IDENTITY]


def failures(**broken: Any) -> list[Finding]:
    """Return what would stop an upgrade."""
    return [item for item in check(facts(**broken)) if item.severity is Severity.FAILURE]


def test_what_only_looks_wrong_is_let_be() -> None:
    """A budget of other pods, a webhook that fails open, a DaemonSet's emptyDir, a mirror pod, a patch that keeps the edit."""
    assert failures(pods=(pod("db", "w1"),), budgets=(budget(),)) == []
    assert failures(webhooks=(webhook(failurePolicy="Ignore"),)) == []
    assert failures(webhooks=(webhook(rules=[{"apiGroups": ["apps"], "resources": ["deployments"]}]),)) == []
    assert failures(pods=(pod("agent", "w1", owner="DaemonSet", spec=EMPTY_DIR),)) == []
    assert failures(pods=(component("kube-scheduler", "1.36.3"),)) == []
    edited = (host("cp", "control-plane", edited=("kube-apiserver has `- --v=4`",)), host("w1"), host("w2"))
    assert failures(hosts=edited, patches=frozenset({"kube-apiserver0+merge.yaml"})) == []
    served = frozenset({"networking.k8s.io/v1beta1/ServiceCIDR", "networking.k8s.io/v1/ServiceCIDR"})
    assert failures(counts={"networking.k8s.io/v1beta1/ServiceCIDR": 1}, served=served) == []


def test_workers_last_may_stay_three_minors_behind_and_no_more() -> None:
    """A worker of 1.34 follows a control plane to 1.37, not to 1.38."""
    nodes = (node("cp", version="1.34.0"), node("w1", version="1.34.0"), node("w2", version="1.34.0"))
    three = tuple(hop(f"1.{n}.0", f"1.{n + 1}.0", workers=n == 36) for n in (34, 35, 36))
    four = (*(hop(f"1.{n}.0", f"1.{n + 1}.0", workers=False) for n in (34, 35, 36)), hop("1.37.0", "1.38.0"))
    there = {"kubernetes": tuple(f"1.{n}.0" for n in range(34, 39)), "cri-o": ("1.37.0",), "crictl": ("1.37.0",)}
    for hops, count in ((three, 0), (four, 3)):
        found = [item for item in failures(version="1.34.0", nodes=nodes, hops=hops, available=there) if item.check == "skew"]
        assert len(found) == count
