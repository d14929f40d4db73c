"""A pod network by a manifest of the person's own: Flannel, Calico, Cilium or another one."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from migrator.errors import ConfigError
from migrator.model.manifest import Manifest, get
from migrator.model.yaml_text import GoLoader

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_manifest(file: Path) -> list[Manifest]:
    """Return the objects of a manifest, those of lists one by one; raises ConfigError with what is wrong and where."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        documents = [item for item in yaml.load_all(text, Loader=GoLoader) if item is not None]
    except OSError as error:
        raise ConfigError([f"cni.manifest: {file} cannot be read: {error.strerror}"], hint=_HINT) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f":{where.line + 1}" if where else ""
        raise ConfigError([f"{file}{line}: is not YAML: {getattr(error, 'problem', None) or error}"], hint=_HINT) from error
    found = [item for document in documents for item in _flat(document)]
    wrong = [f"{file}: document {place} {text}" for place, item in enumerate(found, start=1) if (text := _wrong(item))]
    if not found:
        wrong = [f"{file}: holds no object"]
    if wrong:
        raise ConfigError(wrong, hint=_HINT)
    return found


def unfit_ranges(manifests: list[Manifest], pods: str, services: str, addresses: list[str]) -> list[str]:
    """Return in what the ranges that a manifest names do not fit its cluster: pods, Services, and the nodes' addresses."""
    reasons = []
    for where, text, follows in _ranges(manifests):
        network = _network(text)
        if network is None:
            reasons.append(f"{where}: {text!r} is not a network")
            continue
        if follows and not _within(pods, network):
            reasons.append(f"{where}: {network} does not hold podSubnet {pods}, of which nodes are given their ranges")
        if network.overlaps(ipaddress.ip_network(services)):
            reasons.append(f"{where}: {network} and serviceSubnet {services} overlap")
        reasons += [
            f"{where}: the node's address {item} lies in {network}" for item in addresses if ipaddress.ip_address(item) in network
        ]
    return reasons


_HINT = "name the file that the network's own guide has you apply; paths are relative to the project"


def _flat(document: Any) -> Iterator[Any]:
    if isinstance(document, dict) and str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _flat(item)
    else:
        yield document


def _wrong(item: Any) -> str:
    lacking = [path for path in (("apiVersion",), ("kind",), ("metadata", "name")) if not isinstance(get(item, *path), str)]
    return f"is not an object of Kubernetes: it has no {'.'.join(lacking[0])}" if lacking else ""


def _within(pods: str, network: Network) -> bool:
    mine = ipaddress.ip_network(pods)
    # A manifest of two families is fine as long as one of them fits.
    return mine.version != network.version or mine.subnet_of(network)  # type: ignore[arg-type]


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _ranges(manifests: list[Manifest]) -> Iterator[tuple[str, str, bool]]:
    """Yield where a range stands, the range, and whether nodes' ranges must be parts of it."""
    for item in manifests:
        where = f"{item['kind']} {item['metadata']['name']}"
        for kind, follows, read in _WHERE:
            if item["kind"] == kind:
                yield from ((where, text, follows) for text in read(item) if text)


def _flannel(item: Manifest) -> list[str]:
    try:
        settings = json.loads(get(item, "data", "net-conf.json") or "{}")
    except ValueError:
        return []
    return [str(settings[key]) for key in ("Network", "IPv6Network") if isinstance(settings, dict) and settings.get(key)]


def _cilium(item: Manifest) -> list[str]:
    # Cilium takes its own pool where nothing else is said.
    if get(item, "data", "ipam") not in (None, "cluster-pool", "cluster-pool-v2beta"):
        return []
    texts = (get(item, "data", f"cluster-pool-ipv{family}-cidr") for family in "46")
    return [part for text in texts if isinstance(text, str) for part in text.split()]


def _calico(item: Manifest) -> list[str]:
    pod = get(item, "spec", "template", "spec") or {}
    variables = [entry for container in pod.get("containers") or [] for entry in container.get("env") or []]
    return [
        str(entry.get("value") or "")
        for entry in variables
        if entry.get("name") in ("CALICO_IPV4POOL_CIDR", "CALICO_IPV6POOL_CIDR")
    ]


def _installation(item: Manifest) -> list[str]:
    return [str(pool.get("cidr") or "") for pool in get(item, "spec", "calicoNetwork", "ipPools") or []]


# Where networks have their ranges: Flannel's must hold those of the nodes, Calico and Cilium hand out their own.
_WHERE: tuple[tuple[str, bool, Callable[[Manifest], list[str]]], ...] = (
    ("ConfigMap", True, _flannel),
    ("ConfigMap", False, _cilium),
    ("DaemonSet", False, _calico),
    ("Installation", False, _installation),
    ("IPPool", False, lambda item: [str(get(item, "spec", "cidr") or "")]),
)
