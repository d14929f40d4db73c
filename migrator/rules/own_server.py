"""Addresses of blue's API server: what names one of them goes on to act on blue, from green.

Met in Secrets of Argo CD and other kubeconfigs, in `KUBERNETES_SERVICE_HOST` (Calico's ConfigMap kubernetes-services-endpoint,
Cilium), in NetworkPolicies.
"""

from __future__ import annotations

import binascii
import ipaddress
import re
from collections.abc import Iterator
from functools import cache

from migrator.model.manifest import Manifest, get
from migrator.model.ref import ObjectRef
from migrator.rules.context import RuleContext

# Where kubeadm tells the address under which everybody finds the API server (kubeadm init: phase bootstrap-token).
_CLUSTER_INFO = ObjectRef("", "ConfigMap", "kube-public", "cluster-info")
_SERVER = re.compile(r"server:\s*[\"']?https?://(\[[^\]]+\]|[^\s:/\"']+)")


def addresses(manifest: Manifest, ref: ObjectRef) -> Iterator[str]:
    """Yield the addresses of the API server that an object of its cluster tells."""
    if (ref.namespace, ref.name) == ("default", "kubernetes"):
        listed = [*(manifest.get("endpoints") or []), *(manifest.get("subsets") or [])]
        found = [address for part in listed for address in part.get("addresses") or []]
        yield from filter(_tells, (item["ip"] if isinstance(item, dict) else item for item in found))
    elif ref == _CLUSTER_INFO:
        yield from filter(_tells, (name.strip("[]") for name in _SERVER.findall(get(manifest, "data", "kubeconfig") or "")))


def named(manifest: Manifest, body: bytes, context: RuleContext) -> str:
    """Return that an object names blue's API server, after the object's name; empty for most. `body`: its JSON."""
    if not context.blue.api_servers:
        return ""
    plain, pattern = _pattern(context.blue.api_servers)
    texts = _decoded(manifest) if manifest["kind"] == "Secret" and manifest["apiVersion"] == "v1" else iter((body,))
    # A plain search takes an eighth of the time of the pattern, and most objects name none.
    found = next(filter(None, (pattern.search(text) for text in texts if any(name in text for name in plain))), None)
    if not found:
        return ""
    address = found[0].decode()
    return f"names {address}, where blue's API server is: from green it would act on blue, or wait for it; change it by a transform"


def _tells(address: str) -> bool:
    """Return whether an address means blue from anywhere."""
    try:
        return not ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address != "localhost"


@cache
def _pattern(names: frozenset[str]) -> tuple[list[bytes], re.Pattern[bytes]]:
    """Return the names, and what finds one that is no part of a longer name."""
    alternatives = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return [name.encode() for name in sorted(names)], re.compile(rf"(?<![\w.-])(?:{alternatives})(?!\w|-|\.\w)".encode())


def _decoded(secret: Manifest) -> Iterator[bytes]:
    for value in (secret.get("data") or {}).values():
        try:
            yield binascii.a2b_base64(value)
        except (binascii.Error, TypeError, ValueError):
            continue
