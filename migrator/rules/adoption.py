"""Disks that change sides with their board: a volume of blue becomes one of green, at the same folder of the same machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from migrator.model.manifest import Manifest, get, put

Machines = Mapping[str, frozenset[str]]
"""What tells a machine, whichever cluster it is in, by the name of its node."""
HOSTNAME = "kubernetes.io/hostname"


def machines(nodes: Iterable[Manifest]) -> Machines:
    """Return what tells the machines of a cluster's nodes: machine ID, UUID of the board, addresses (core/v1 NodeStatus)."""
    found = {}
    for node in nodes:
        info = get(node, "status", "nodeInfo") or {}
        marks = {f"{key} {info[key].lower()}" for key in ("machineID", "systemUUID") if info.get(key)}
        marks |= {
            f"address {item['address']}"
            for item in get(node, "status", "addresses") or []
            if item.get("type") in ("InternalIP", "ExternalIP")
        }
        found[node["metadata"]["name"]] = frozenset(marks)
    return found


def same_machine(node: str, blue: Machines, green: Machines) -> str:
    """Return the node of green that is the machine of a node of blue; empty when none is, or more than one may be.

    A machine ID counts more than an address: a new board may have got the address of an old one. A node that has left blue
    is known by its name alone.
    """
    marks = blue.get(node)
    if marks is None:
        return node if node in green else ""
    for kind in ("machineID", "systemUUID", "address"):
        wanted = {mark for mark in marks if mark.startswith(kind)}
        fitting = [name for name, there in green.items() if wanted & there]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            return ""
    return ""


def at_node(volume: Manifest, hostname: str) -> Manifest:
    """Return a volume as one that lies on the node of this host name, in the same folder; nothing of it moves.

    A `hostPath` that is not there is not made: it would be an empty folder on a machine without the disk.
    """
    term = {"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": [hostname]}]}
    if get(volume, "spec", "hostPath"):
        volume = put(volume, ("spec", "hostPath", "type"), "Directory")
    return put(volume, ("spec", "nodeAffinity"), {"required": {"nodeSelectorTerms": [term]}})
