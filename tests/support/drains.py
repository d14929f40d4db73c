"""Nodes and pods to drain, on a real API server whose pods KWOK plays."""

from __future__ import annotations

from typing import Any

import orjson

from migrator.cluster.drain import pods_on
from migrator.kube.cluster import KubeCluster
from migrator.model.kinds import NODES
from tests.support.sandbox import until

HOSTNAME = "kubernetes.io/hostname"


def make_node(cluster: KubeCluster, name: str, *, group: str, pods: int = 300) -> None:
    """Make a node that only pods of a group come to."""
    amounts = {"cpu": "64", "memory": "256Gi", "pods": str(pods)}
    body = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {HOSTNAME: name, "group": group, "type": "kwok", "kubernetes.io/os": "linux"},
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        },
        "spec": {"taints": [{"key": "group", "value": group, "effect": "NoSchedule"}]},
        "status": {"allocatable": amounts, "capacity": amounts},
    }
    cluster.create(NODES, "", orjson.dumps(body), manager="testbed")


def template(group: str, app: str, **spec: Any) -> dict[str, Any]:
    """Return a pod template for nodes of a group."""
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {
            "nodeSelector": {"group": group},
            "tolerations": [{"key": "group", "operator": "Exists"}],
            "containers": [{"name": "main", "image": "web:1"}],
            "terminationGracePeriodSeconds": 1,
            **spec,
        },
    }


def workload(kind: str, app: str, group: str, *, replicas: int = 1, **spec: Any) -> dict[str, Any]:
    """Return a Deployment or a DaemonSet on nodes of a group."""
    count = {"replicas": replicas} if kind == "Deployment" else {}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": app},
        "spec": {**count, "selector": {"matchLabels": {"app": app}}, "template": template(group, app, **spec)},
    }


def running_on(cluster: KubeCluster, node: str) -> int:
    """Return how many pods of a node are Ready."""
    return sum(
        any(item["type"] == "Ready" and item["status"] == "True" for item in (pod.get("status") or {}).get("conditions") or [])
        for pod in pods_on(cluster, node)
    )


def await_pods(cluster: KubeCluster, node: str, count: int) -> None:
    """Wait until a node has this many Ready pods."""
    until(lambda: running_on(cluster, node) == count)
