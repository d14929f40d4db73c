"""Nodes for a control plane without machines; KWOK keeps them and their pods alive."""

from __future__ import annotations

from typing import Any

import orjson

from migrator.errors import ConflictError, MigratorError
from migrator.kube.cluster import KubeCluster
from migrator.model.kinds import NODES
from migrator.testbed.waiting import PATIENCE_SECONDS, wait


def make_nodes(cluster: KubeCluster, count: int) -> None:
    """Make arm64 nodes and wait until they are Ready; raises MigratorError when they do not become so."""
    for number in range(1, count + 1):
        try:
            cluster.create(NODES, "", orjson.dumps(_node(cluster.name, number)), manager="testbed")
        except ConflictError:
            continue
    wait(
        lambda: sum(_ready(node) for node in cluster.list(NODES)) >= count,
        lambda: MigratorError(f"testbed: nodes of {cluster.name} are not Ready after {PATIENCE_SECONDS:.0f} s"),
    )


def _node(cluster: str, number: int) -> dict[str, Any]:
    name = f"{cluster}-node-{number}"
    # Room for what all tests of a run leave behind: what does not fit would wait for ever, in whichever test comes last.
    amounts = {"cpu": "512", "memory": "2Ti", "pods": "5000"}
    labels = {
        "kubernetes.io/arch": "arm64",
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": name,
        "topology.kubernetes.io/zone": f"rack-{number}",
        "type": "kwok",
    }
    info = {"architecture": "arm64", "operatingSystem": "linux"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {"allocatable": amounts, "capacity": amounts, "nodeInfo": {**info, "kubeletVersion": "kwok"}},
    }


def _ready(node: dict[str, Any]) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
