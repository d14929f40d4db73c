"""What Patroni keeps of a database in Kubernetes: the leader that was elected, and the ID of the database.

It lies in annotations of ConfigMaps or Endpoints (patroni/dcs/kubernetes.py).
"""

from __future__ import annotations

from migrator.model.manifest import Manifest, get

_ELECTED = ({"leader", "acquireTime", "renewTime", "ttl"}, {"leader", "sync_standby"})
_TYPES = frozenset({"ConfigMap", "Endpoints"})


def is_election(manifest: Manifest) -> bool:
    """Return whether members elect their leader by this object; such Endpoints have the address of a pod of blue, too."""
    annotations = get(manifest, "metadata", "annotations") or {}
    return any(known <= annotations.keys() for known in _ELECTED)


def waits_for_data(manifest: Manifest, type_name: str) -> str:
    """Return what comes of the ID on green, as the rest of a sentence about the object that names it; empty for most.

    It is not dropped: of members that come partly with data, an empty one would begin a new database, and the others would end.
    """
    annotations = (get(manifest, "metadata", "annotations") or {}) if type_name in _TYPES else {}
    if "config" not in annotations or not str(annotations.get("initialize")).isdecimal():
        return ""
    return (
        "names the ID of blue's database: where no member's data comes along, as for a new or a standby cluster on green, Patroni "
        "waits there for ever for a leader; then leave it on blue (move.objects.exclude)"
    )
