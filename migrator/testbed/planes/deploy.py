"""Bring manifests to a testbed cluster as `kubectl create` would, owners filled in."""

from __future__ import annotations

import time
from collections.abc import Iterable

import orjson

from migrator.errors import ApiError, ForbiddenError, NotFoundError
from migrator.kube.cluster import KubeCluster
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from migrator.testbed.waiting import PATIENCE_SECONDS


def deploy(cluster: KubeCluster, manifests: Iterable[Manifest], *, manager: str = "kubectl-create") -> list[Manifest]:
    """Create objects in order and return them; ownerReferences without a UID get the one of the object that they name.

    Raises ApiError when the cluster refuses one.
    """
    types = _types(cluster)
    created: dict[tuple[str, str], Manifest] = {}
    for manifest in manifests:
        metadata = manifest["metadata"]
        owners = [
            {**owner, "uid": owner.get("uid") or created[owner["kind"], owner["name"]]["metadata"]["uid"]}
            for owner in metadata.get("ownerReferences") or []
        ]
        body = {**manifest, "metadata": {**metadata, "ownerReferences": owners}} if owners else manifest
        key = manifest["apiVersion"], manifest["kind"]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                if key not in types:
                    types = _types(cluster)
                if key not in types:
                    raise NotFoundError(f"{cluster.name} does not serve {key[1]} {key[0]}")
                result = cluster.create(types[key], metadata.get("namespace", ""), orjson.dumps(body), manager=manager)
                break
            except (NotFoundError, ForbiddenError) as error:
                if not _may_settle(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        created[manifest["kind"], metadata["name"]] = result
    return list(created.values())


def _types(cluster: KubeCluster) -> dict[tuple[str, str], ResourceType]:
    return {(item.api_version, item.kind): item for item in cluster.resources()}


def _may_settle(error: ApiError) -> bool:
    words = ("does not serve", "could not find the requested resource", "service account", "serviceaccount")
    return any(word in error.message for word in words)
