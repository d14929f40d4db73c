"""What a change of a stack's file must not do: take the first control plane, and etcd's data with it, off its host."""

from __future__ import annotations

from collections.abc import Iterable

from pulumi.dynamic import CheckFailure

from migrator.provision.inputs import Inputs

_WAYS = (
    "write it back as it was. For another address or machine: with several control planes, name another one first in the file, "
    "run `pulumi up`, then take this one out; with a single one, make a new stack and move to it (`migrator plan`)"
)


def refuse_other_first(before: Iterable[Inputs], after: Iterable[Inputs]) -> list[CheckFailure]:
    """Return why a file that had `before` must not become `after`, nothing where the first control plane of before stays.

    It may stop being the first; its name, address and role are what its host is known by.
    """
    first = next((node for node in before if node.get("first")), None)
    same = next((node for node in after if first and node["name"] == first["name"]), None)
    if first is None:
        return []
    changed = [key for key in ("address", "role") if same and same[key] != first[key]]
    if same and not changed:
        return []
    what = ", ".join(f"{key} {same[key]}" for key in changed) if same else "no node of that name"
    reason = (
        f"{first['name']} at {first['address']} is the first control plane of this cluster, with etcd's data on it, and the file "
        f"has {what} now: its host would be reset. Nothing was changed; {_WAYS}"
    )
    return [CheckFailure("nodes", reason)]


def is_other_cluster(old: Inputs, new: Inputs) -> bool:
    """Return whether a node would go from one cluster to another; one that was only renamed keeps its UID."""
    same_uid = bool(old.get("uid")) and old.get("uid") == new.get("uid")
    return bool(old["id"] != new["id"]) and not same_uid
