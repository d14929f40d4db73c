"""The order in which a manifest's objects are made: each needs those before it, and none comes up without them."""

from __future__ import annotations

from collections.abc import Iterable

from migrator.model.manifest import Manifest, get, is_custom_group

_FIRST = frozenset({"Namespace", "CustomResourceDefinition"})
# What the engine waits for besides (pulumi-kubernetes, pkg/await): a Service whose pods are not ready would keep what mends them
# from being written, as it comes in a later wave.
_AWAITED = frozenset({"Service", "Ingress", "PersistentVolumeClaim"})
_RUNS = frozenset({"DaemonSet", "Deployment", "StatefulSet", "ReplicaSet", "Job", "CronJob", "Pod"})


def waves(manifests: Iterable[Manifest]) -> list[list[Manifest]]:
    """Return the objects in waves: namespaces and definitions; rights and settings; objects of those definitions; what runs.

    A program that starts without its rights or settings ends with an error and is started again. Objects whose definitions are not
    among the others come last: what runs makes those, as some operators do.
    """
    found = list(manifests)
    defined = {(get(item, "spec", "group"), get(item, "spec", "names", "kind")) for item in found if item["kind"] in _FIRST}
    places: list[list[Manifest]] = [[], [], [], [], []]
    for item in found:
        places[_place(item, defined)].append(item)
    return [wave for wave in places if wave]


def _place(item: Manifest, defined: set[tuple[str, str]]) -> int:
    group, _, _ = item["apiVersion"].rpartition("/")
    if item["kind"] in _FIRST:
        return 0
    if (group, item["kind"]) in defined:
        return 2
    if is_custom_group(group):
        return 4
    return 3 if item["kind"] in _RUNS else 1


def not_awaited(manifest: Manifest) -> Manifest:
    """Return an object so that the engine does not wait for it by itself: one wait, for the nodes, tells what is waited for."""
    if manifest["kind"] not in _RUNS | _AWAITED:
        return manifest
    metadata = manifest["metadata"]
    annotations = {**(metadata.get("annotations") or {}), "pulumi.com/skipAwait": "true"}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}
