"""Read of a cluster what the checks of an upgrade, and the advice, are made from."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from migrator.cluster.endpoints import ready_endpoints
from migrator.errors import ApiError, ForbiddenError, NotFoundError
from migrator.model import kinds
from migrator.model.facts import ClusterReading, StaleUse
from migrator.model.kubeadm import missing_addons
from migrator.model.manifest import Manifest, get, ref_of
from migrator.model.pods import decisions
from migrator.model.ref import ResourceType
from migrator.model.strange import STRANGE, StrangeError
from migrator.model.upgrade import DrainRules
from migrator.model.version import parse_version
from migrator.model.yaml_text import load
from migrator.ports import UpgradeCluster
from migrator.rules.references import backend_services
from migrator.upgrade.checks.removed import Removed, removed_between

T = TypeVar("T")
_LISTS: Mapping[str, ResourceType] = {
    "nodes": kinds.NODES,
    "pods": kinds.PODS,
    "budgets": kinds.BUDGETS,
    "deployments": kinds.DEPLOYMENTS,
    "stateful_sets": kinds.STATEFUL_SETS,
    "replica_sets": kinds.REPLICA_SETS,
    "daemon_sets": kinds.DAEMON_SETS,
    "definitions": kinds.DEFINITIONS,
    "volumes": kinds.VOLUMES,
}
# A gauge with the value 1 once such a request has come (KEP-1693).
_DEPRECATED = re.compile(r"^apiserver_requested_deprecated_apis\{([^}]*)\} [1-9]", re.MULTILINE)


def examine_cluster(cluster: UpgradeCluster, target_minor: int) -> ClusterReading:
    """Return the reading; what may not be read is named in it. Raises ApiError when the server does not answer."""
    version = parse_version(cluster.version()[2])
    unread: list[str] = []

    def read(resource: ResourceType) -> tuple[Manifest, ...]:
        return _optional(functools.partial(_all, cluster, resource), (), resource.type_name, unread)

    with ThreadPoolExecutor(4) as pool:
        lists = dict(zip(_LISTS, pool.map(read, _LISTS.values()), strict=True))
    webhooks = (*read(kinds.VALIDATING), *read(kinds.MUTATING))
    requested = _requested(cluster, unread)
    cluster_config = _config(cluster, "kubeadm-config", "ClusterConfiguration", unread)
    nothing: Manifest = {}
    system = _optional(lambda: cluster.get(kinds.NAMESPACES, "", "kube-system"), nothing, "Namespace kube-system", unread)
    types = cluster.resources()
    gone = removed_between(version.minor, target_minor)
    counts, stale = _removed_objects(cluster, types, gone, unread)
    return ClusterReading(
        version,
        **lists,
        webhooks=webhooks,
        kubelet_config=_config(cluster, "kubelet-config", "kubelet", unread),
        cluster_config=cluster_config,
        proxy_config=_config(cluster, "kube-proxy", "config.conf", unread),
        system_labels=get(system, "metadata", "labels") or {},
        served=frozenset(map(_name, types)),
        counts=counts,
        requested=requested,
        stale=(*stale, *_stale_in((item for found in lists.values() for item in found), gone)),
        backends=_backends(cluster, webhooks, unread),
        evictions={},
        missing_addons=_missing_addons(cluster, cluster_config, lists, unread),
        unread=tuple(dict.fromkeys(unread)),
    )


def with_evictions(reading: ClusterReading, cluster: UpgradeCluster, names: Iterable[str], rules: DrainRules) -> ClusterReading:
    """Return the reading with what the API says to a dry run of each eviction that a drain of these nodes would ask for.

    Webhooks that do not take dry runs refuse, and a pod that nobody could ask for is judged by the rules: it is left out.
    """
    drained = set(names)
    there = [pod for pod in reading.pods if get(pod, "spec", "nodeName") in drained]
    going = [item.pod for item in decisions(there, rules) if not item.stays and not item.refused]

    def ask(pod: Manifest) -> tuple[str, str] | None:
        metadata = pod["metadata"]
        try:
            return metadata["uid"], cluster.evict(metadata["namespace"], metadata["name"], uid=metadata["uid"], dry_run=True)
        except ApiError:
            return None

    with ThreadPoolExecutor(cluster.workers) as pool:
        return replace(reading, evictions=dict(filter(None, pool.map(ask, going))))


def _missing_addons(
    cluster: UpgradeCluster, config: Mapping[str, Any], lists: Mapping[str, tuple[Manifest, ...]], unread: list[str]
) -> frozenset[str]:
    """Return the add-ons that kubeadm would bring; none where not all could be read, or kubeadm did not make the cluster."""
    nothing: Manifest = {}
    proxy = _optional(lambda: cluster.get(kinds.CONFIG_MAPS, "kube-system", "kube-proxy"), nothing, "ConfigMap kube-proxy", unread)
    # A missing right would make an add-on look missing.
    if unread or not config:
        return frozenset()
    there = [item for name in ("deployments", "daemon_sets") for item in lists[name]]
    system = [item for item in there if item["metadata"].get("namespace") == "kube-system"]
    try:
        return missing_addons(config, [*system, *([{**proxy, "kind": "ConfigMap"}] if proxy else [])])
    except STRANGE:
        return frozenset()  # a setting of a strange form is a finding of another check


def _all(cluster: UpgradeCluster, resource: ResourceType) -> tuple[Manifest, ...]:
    return tuple(cluster.list(resource))


def _optional(read: Callable[[], T], otherwise: T, what: str, unread: list[str]) -> T:
    try:
        return read()
    except NotFoundError:
        return otherwise
    except ForbiddenError as error:
        unread.append(f"{what}: {error.message}")
        return otherwise


def _config(cluster: UpgradeCluster, name: str, key: str, unread: list[str]) -> dict[str, Any]:
    nothing: Manifest = {}
    found = _optional(lambda: cluster.get(kinds.CONFIG_MAPS, "kube-system", name), nothing, f"ConfigMap {name}", unread)
    try:
        content = load((found.get("data") or {}).get(key, ""))
    except StrangeError:
        # A person has edited it; its text is not shown, as it may hold anything.
        unread.append(f"ConfigMap {name}: its {key} is not YAML that can be read")
        return {}
    return content if isinstance(content, dict) else {}


def read_requested(cluster: UpgradeCluster) -> dict[str, str]:
    """Return what clients have asked for since the API server began and a later minor removes, to that minor."""
    return _requested(cluster, [])


def _requested(cluster: UpgradeCluster, unread: list[str]) -> dict[str, str]:
    text = _optional(cluster.metrics, "", "metrics", unread)
    found = {}
    for match in _DEPRECATED.finditer(text):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', match[1]))
        if labels.get("removed_release"):
            resource = labels["resource"] + (f"/{labels['subresource']}" if labels.get("subresource") else "")
            found[f"{labels['group']}/{labels['version']} {resource}"] = labels["removed_release"]
    return found


def _removed_objects(
    cluster: UpgradeCluster, types: tuple[ResourceType, ...], gone: list[Removed], unread: list[str]
) -> tuple[dict[str, int], list[StaleUse]]:
    """Count the objects of kinds at versions that go away.

    They are read at a version that stays, where there is one: asking at the other would make us a client of what goes.
    """
    # Subresources and other versions are counted at the kind.
    names = {item.name for item in gone}
    counts: dict[str, int] = {}
    stale: list[StaleUse] = []
    nothing: tuple[Manifest, ...] = ()
    for item in types:
        if _name(item) in names and "list" in item.verbs:
            same = [other for other in types if (other.group, other.kind) == (item.group, item.kind)]
            best = next((other for other in same if _name(other) not in names and "list" in other.verbs), item)
            objects = _optional(functools.partial(_all, cluster, best), nothing, item.type_name, unread)
            counts[_name(item)] = len(objects)
            stale += _stale_in(iter(objects), gone)
    return counts, stale


def _name(resource: ResourceType) -> str:
    return f"{resource.group}/{resource.version}/{resource.kind}"


def _stale_in(manifests: Iterator[Manifest], gone: list[Removed]) -> list[StaleUse]:
    versions = {f"{item.group}/{item.version}" for item in gone}
    return [
        StaleUse(str(ref_of(manifest)), entry["apiVersion"], entry.get("manager", "?"))
        for manifest in (manifests if versions else ())
        for entry in get(manifest, "metadata", "managedFields") or []
        if entry.get("apiVersion") in versions
    ]


def _backends(cluster: UpgradeCluster, webhooks: tuple[Manifest, ...], unread: list[str]) -> dict[str, int]:
    services = {service for configuration in webhooks for service in backend_services(configuration)}
    return {
        f"{service.namespace}/{service.name}": _optional(
            functools.partial(ready_endpoints, cluster, service), 0, f"endpoints of {service}", unread
        )
        for service in services
    }
