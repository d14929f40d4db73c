"""Writes to a cluster that are counted afterwards: what was created, changed and deleted must be so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import orjson

from migrator.kube.cluster import KubeCluster
from migrator.testbed.planes.deploy import deploy
from tests.support.sandbox import TYPES

_NAMESPACE = "written"
_MAPS = TYPES["ConfigMap"]


def write(cluster: KubeCluster, count: int) -> dict[str, str]:
    """Make so many writes, a tenth of them changes and a tenth deletes, each confirmed; return what must be there then."""
    deploy(cluster, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}])
    changed = count // 10
    created = count - 2 * changed

    def one(number: int) -> None:
        name = f"map-{number}"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"n": str(number)}}
        made = cluster.create(_MAPS, _NAMESPACE, orjson.dumps(body), manager="e2e")
        if number < changed:
            cluster.patch(_MAPS, _NAMESPACE, name, {"data": {"n": "changed"}}, manager="e2e")
        elif number < 2 * changed:
            cluster.delete(_MAPS, _NAMESPACE, name, uid=made["metadata"]["uid"])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(created)))
    kept = {f"map-{number}": str(number) for number in range(2 * changed, created)}
    return kept | {f"map-{number}": "changed" for number in range(changed)}


def lost(cluster: KubeCluster, expected: dict[str, str]) -> int:
    """Return how many of the writes are not as they were made."""
    found = {item["metadata"]["name"]: item["data"]["n"] for item in cluster.list(_MAPS, _NAMESPACE) if "n" in item["data"]}
    return sum(found.get(name) != expected.get(name) for name in found.keys() | expected.keys())
