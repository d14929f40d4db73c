"""A small cluster before an upgrade in which nothing is wrong; tests break one thing in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from migrator.model.facts import Certificate, ClusterReading, HostReading, Member, UpgradeFacts
from migrator.model.host import HostFacts
from migrator.model.manifest import Manifest
from migrator.model.upgrade import DrainRules, Hop
from migrator.model.verdict import Finding
from migrator.model.version import parse_version
from migrator.upgrade.checks.table import check

NOW = 1_800_000_000.0
DAY = 86400.0
PACKAGES = {"kubernetes": "1.37.2", "cri-o": "1.37.0", "crictl": "1.37.0"}


def node(name: str, *, version: str = "1.36.3", cpu: str = "4", memory: str = "4Gi", **more: Any) -> Manifest:
    """Return a Ready node; `labels`, `taints`, `unschedulable`, `machine` and `conditions` as given."""
    conditions = more.get("conditions", [{"type": "Ready", "status": "True"}])
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **more.get("labels", {})}},
        "spec": {"taints": more.get("taints", []), "unschedulable": more.get("unschedulable", False)},
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory, "pods": "110"},
            "conditions": conditions,
            "nodeInfo": {"kubeletVersion": f"v{version}", **({"machineID": more["machine"]} if "machine" in more else {})},
        },
    }


def pod(name: str, on: str, *, owner: str | None = "ReplicaSet", **more: Any) -> Manifest:
    """Return a running pod; `spec`, `labels`, `cpu`, `memory` and `namespace` as given."""
    requests = {"cpu": more.get("cpu", "100m"), "memory": more.get("memory", "128Mi")}
    owners = [{"kind": owner, "name": f"{name}-owner", "uid": f"{name}-owner", "controller": True}] if owner else []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": more.get("namespace", "shop"),
            "uid": name,
            "labels": more.get("labels", {"app": name}),
            "ownerReferences": owners,
        },
        "spec": {
            "nodeName": on,
            "containers": [{"name": "main", "image": "web:1", "resources": {"requests": requests}}],
            **more.get("spec", {}),
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def host(name: str, role: str = "worker", **more: Any) -> HostReading:
    """Return a host on which nothing is wrong."""
    installed = {"kubernetes": "1.36.3-1", "cri-o": "1.36.0-1", "crictl": "1.36.0-1"}
    facts = HostFacts(architecture="aarch64", disk=20000, etcd=100, cgroup=2)
    fine = HostReading(
        name,
        role,
        facts=facts,
        installed=installed,
        kubelet={"cgroupDriver": "systemd"},
        certificates=(Certificate("/etc/kubernetes/pki/ca.crt", NOW + 3000 * DAY, authority=True),),
    )
    return replace(fine, **{**more, "facts": replace(facts, **more.get("facts", {}))})


def hop(start: str = "1.36.3", target: str = "1.37.2", *, workers: bool = True, **packages: str) -> Hop:
    """Return a hop."""
    wanted = {**PACKAGES, "kubernetes": target, **{name.replace("_", "-"): version for name, version in packages.items()}}
    return Hop(parse_version(start), parse_version(target), wanted, workers)


def facts(**more: Any) -> UpgradeFacts:
    """Return the facts of two workers and a control plane; keys of the cluster's reading are taken as such."""
    control = node("cp", labels={"node-role.kubernetes.io/control-plane": ""})
    reading: dict[str, Any] = {
        "nodes": (control, node("w1"), node("w2")),
        "kubelet_config": {"cgroupDriver": "systemd"},
        "cluster_config": {"apiVersion": "kubeadm.k8s.io/v1beta4"},
    }
    of_cluster = {key: more.pop(key) for key in list(more) if key in ClusterReading.__slots__ and key != "version"}
    version = parse_version(more.pop("version", "1.36.3"))
    whole: dict[str, Any] = {
        "hosts": (host("cp", "control-plane"), host("w1"), host("w2")),
        "members": (Member("cp", "3.6.11", learner=False, healthy=True),),
        "local_etcd": True,
        "hops": (hop(),),
        "available": {"kubernetes": ("1.36.3", "1.37.2"), "cri-o": ("1.37.0",), "crictl": ("1.37.0",)},
        "drain": DrainRules(),
        "now": NOW,
    }
    return UpgradeFacts(ClusterReading(version, **{**reading, **of_cluster}), **{**whole, **more})


def findings(name: str = "", **broken: Any) -> list[Finding]:
    """Return what the checks of a name find, or all of them, in a cluster with something broken."""
    return [item for item in check(facts(**broken)) if name in ("", item.check)]


def hosts(**broken: Any) -> tuple[HostReading, ...]:
    """Return the three hosts, with something broken on the control plane's."""
    return (host("cp", "control-plane", **broken), host("w1"), host("w2"))


def mounting_pod(*arguments: str, mounts: dict[str, str]) -> Manifest:
    """Return a static pod with these arguments and mounts: folder in the container to that of the host."""
    names = {path: f"v{number}" for number, path in enumerate(mounts)}
    return {
        "spec": {
            "containers": [
                {
                    "command": ["program", *arguments],
                    "volumeMounts": [{"name": name, "mountPath": path} for path, name in names.items()],
                }
            ],
            "volumes": [{"name": name, "hostPath": {"path": mounts[path]}} for path, name in names.items()],
        }
    }


def budget(**status: int) -> Manifest:
    """Return a disruption budget of the shop."""
    return {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, **status},
    }


def webhook(**more: Any) -> Manifest:
    """Return a configuration of one webhook on pods."""
    one = {
        "name": "pods.policy.example",
        "clientConfig": {"service": {"namespace": "policy", "name": "hook"}},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE"]}],
        **more,
    }
    return {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "policy"}, "webhooks": [one]}


def definition(stored: list[str], *served: str) -> Manifest:
    """Return a CRD with these versions."""
    versions = [{"name": name, "served": True} for name in served]
    return {"metadata": {"name": "things.example"}, "spec": {"versions": versions}, "status": {"storedVersions": stored}}


def local_volume(name: str) -> Manifest:
    """Return a volume on one node, bound to claim shop/data."""
    return {"metadata": {"name": name}, "spec": {"local": {"path": "/data"}, "claimRef": {"namespace": "shop", "name": "data"}}}


def with_claim(name: str) -> Manifest:
    """Return a pod that mounts claim shop/data."""
    return pod(name, "w1", spec={"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]})


def kubeadms_addons() -> tuple[Manifest, ...]:
    """Return CoreDNS and kube-proxy as kubeadm brings them."""
    coredns = {"containers": [{"name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.14.1"}]}
    proxy = {"containers": [{"name": "kube-proxy", "image": "registry.k8s.io/kube-proxy:v1.36.3"}]}
    return tuple(
        {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": "kube-system"},
            "spec": {"replicas": 2, "selector": {}, "template": {"spec": spec}},
        }
        for kind, name, spec in (("Deployment", "coredns", coredns), ("DaemonSet", "kube-proxy", proxy))
    )
