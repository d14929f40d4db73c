"""Addresses in the network of the nodes that a pod has of its own (Multus): both clusters may be in that network.

Source: github.com/k8snetworkplumbingwg, multi-network specification (annotation), and the IPAM plugins of CNI.
"""

from __future__ import annotations

import json
from typing import Any

from migrator.model.manifest import Manifest, get

_NETWORKS = "k8s.v1.cni.cncf.io/networks"
# Plugins that give addresses of a range, each cluster by its own list; those of DHCP come from one server.
_GIVING = frozenset({"host-local", "whereabouts"})


def has_fixed(manifest: Manifest) -> bool:
    """Return whether a pod, or the pods of a workload, ask for an address, of IP or Ethernet, that only one may have."""
    path = () if manifest["kind"] == "Pod" else ("spec", "template")
    wanted = _json(get(manifest, *path, "metadata", "annotations", _NETWORKS))
    items = wanted if isinstance(wanted, list) else [wanted]
    return any(get(item, field) for item in items for field in ("ips", "mac"))


def given_twice(manifest: Manifest, type_name: str) -> str:
    """Return what a network means for the other cluster, as the rest of a sentence that begins with its name; empty for most."""
    if type_name != "NetworkAttachmentDefinition.k8s.cni.cncf.io":
        return ""
    config = _json(get(manifest, "spec", "config"))
    plugins = get(config, "plugins")
    kinds = {str(get(item, "ipam", "type")) for item in [config, *(plugins if isinstance(plugins, list) else [])]}
    giving = sorted(kinds & _GIVING)
    if not giving:
        return ""
    words = f"gives addresses of a range ({giving[0]})"
    return f"{words}: green gives those that blue has given; give it another range there (a transform)"


def _json(text: object) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None  # names of networks, or a mistake that its plugin will tell
