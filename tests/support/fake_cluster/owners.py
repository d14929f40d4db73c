"""Field ownership as an API server records it (structured merge diff), as far as the rules read it."""

from __future__ import annotations

from typing import Any

from migrator.model.manifest import Manifest

_NOT_OWNED = frozenset({"apiVersion", "kind"})
_OWNED_METADATA = frozenset({"labels", "annotations", "finalizers", "ownerReferences"})
_NAMED = frozenset({"containers", "initContainers", "volumes"})
Tree = dict[str, Any]


def owned_by_create(manifest: Manifest, manager: str, at: str) -> list[dict[str, Any]]:
    """Return managedFields after a create: one manager owns all that it sent."""
    return [_entry(manager, manifest, _fields(manifest), at)] if _fields(manifest) else []


def owned_after_update(before: Manifest, after: Manifest, manager: str, at: str, *, subresource: str = "") -> list[dict[str, Any]]:
    """Return managedFields after an update: what changed belongs to its manager, what is gone to nobody."""
    new, old = _fields(after), _fields(before)
    changed = _changed(old, new, before, after)
    entries = []
    taken = False
    for entry in before["metadata"].get("managedFields") or []:
        fields = _both(_without(entry.get("fieldsV1") or {}, changed), new)
        own = (entry["manager"], entry["operation"], entry.get("subresource", "")) == (manager, "Update", subresource)
        if own and changed:
            fields = _union(fields, changed)
            taken = True
        if fields:
            entries.append({**entry, "fieldsV1": fields, **({"time": at} if own and changed else {})})
    if changed and not taken:
        entries.append(_entry(manager, after, changed, at) | ({"subresource": subresource} if subresource else {}))
    return entries


def _entry(manager: str, manifest: Manifest, fields: Tree, at: str) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": manifest["apiVersion"],
        "time": at,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def _fields(manifest: Manifest) -> Tree:
    tree: Tree = {}
    for key, value in manifest.items():
        if key == "metadata":
            inner = {f"f:{name}": _tree(part, name) for name, part in value.items() if name in _OWNED_METADATA and part}
            if inner:
                tree["f:metadata"] = inner
        elif key not in _NOT_OWNED:
            tree[f"f:{key}"] = _tree(value, key)
    return tree


def _tree(value: Any, name: str) -> Tree:
    if isinstance(value, dict) and value:
        return {".": {}} | {f"f:{key}": _tree(inner, key) for key, inner in value.items()}
    if isinstance(value, list) and name == "ports" and all(isinstance(item, dict) and "port" in item for item in value):
        keys = (f'k:{{"port":{item["port"]},"protocol":"{item.get("protocol", "TCP")}"}}' for item in value)
        return {key: {".": {}} | {f"f:{part}": {} for part in item} for key, item in zip(keys, value, strict=True)}
    if isinstance(value, list) and name in _NAMED and all(isinstance(item, dict) and "name" in item for item in value):
        return {
            f'k:{{"name":"{item["name"]}"}}': {".": {}} | {f"f:{part}": _tree(inner, part) for part, inner in item.items()}
            for item in value
        }
    return {}


def _changed(old: Tree, new: Tree, before: Any, after: Any) -> Tree:
    found: Tree = {}
    for key, inner in new.items():
        if key == ".":
            continue
        name = key.removeprefix("f:")
        had = before.get(name) if isinstance(before, dict) else None
        has = after.get(name) if isinstance(after, dict) else None
        if key not in old:
            found[key] = inner
        elif had != has:
            found[key] = _changed(old[key], inner, had, has) if any(item.startswith("f:") for item in inner) else inner
    return {key: value for key, value in found.items() if value or not new[key]}


def _without(fields: Tree, gone: Tree) -> Tree:
    left = {}
    for key, inner in fields.items():
        if key not in gone:
            left[key] = inner
        elif gone[key] and inner:
            rest = _without(inner, gone[key])
            if set(rest) - {"."}:
                left[key] = rest
    return left


def _both(fields: Tree, there: Tree) -> Tree:
    return {key: _both(inner, there[key]) if inner and there[key] else inner for key, inner in fields.items() if key in there}


def _union(left: Tree, right: Tree) -> Tree:
    return left | {key: _union(left[key], inner) if key in left else inner for key, inner in right.items()}
