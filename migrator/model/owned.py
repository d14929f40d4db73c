"""Which parts of an object somebody owns, as its `managedFields` tell.

An API server notes the fields that a client sent, defaults of the version included, before it asks admission. So what nobody owns
was written by the server itself: by admission, by a subresource such as `binding`, or as a default beside a server-side apply.
Source: KEP-555; sigs.k8s.io/structured-merge-diff, fieldpath (format of FieldsV1); k8s.io/apiserver, endpoints/handlers/create.go.
"""

from __future__ import annotations

from typing import Any

import orjson

from migrator.model.difference import is_absent, missing_from

Fields = dict[str, Any]
"""FieldsV1: `f:NAME` a field, `k:{...}` an item by its keys, `v:...` an item by its value; nothing below: all of it."""
_ALL: Fields = {}
# The field itself, and nothing that is in it.
_NOTHING: Fields = {".": {}}
# Structs that are written although nothing was said in them (core/v1): owning them is owning none of what is inside.
_SENT_EMPTY = frozenset({"resources", "securityContext"})
# Subresources that agents of the cluster write, with annotations besides; `scale` and `resize` are a person's.
_NOT_OF_A_PERSON = frozenset({"status", "ephemeralcontainers"})


def fields_of(entries: object) -> Fields:
    """Return all that somebody owns, by entries of managedFields, without what was written through a subresource of agents."""
    owned: Fields = {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("subresource") not in _NOT_OF_A_PERSON and isinstance(entry.get("fieldsV1"), dict):
            owned = _union(owned, entry["fieldsV1"])
    return owned


def _union(left: Fields, right: Fields) -> Fields:
    return left | {key: _union(left[key], inner) if key in left else inner for key, inner in right.items()}


def owned_of(manifest: dict[str, Any], fields: Fields) -> dict[str, Any]:
    """Return what of an object somebody owns."""
    return {key: owned_part(value, fields[f"f:{key}"], key) for key, value in manifest.items() if f"f:{key}" in fields}


def owned_part(value: Any, fields: Fields, name: str = "") -> Any:
    """Return what of a value somebody owns; no fields below it mean all of it."""
    if _is_whole(value, fields, name):
        return value
    if isinstance(value, dict):
        return {key: owned_part(inner, fields[f"f:{key}"], key) for key, inner in value.items() if f"f:{key}" in fields}
    found = []
    for item in value:
        owned = fields_of_item(item, fields)
        if owned is not None:
            kept = owned_part(item, owned)
            found.append({**_keys_of(item, fields), **kept} if isinstance(item, dict) and isinstance(kept, dict) else kept)
    return found


def without_unowned_items(value: Any, fields: Fields, wanted: Any, name: str = "") -> Any:
    """Return a value without the items of lists that nobody owns and nobody wants; all else stays."""
    if _is_whole(value, fields, name) or type(value) is not type(wanted):
        return value
    if isinstance(value, dict):
        return {
            key: without_unowned_items(inner, fields.get(f"f:{key}", _NOTHING), wanted.get(key), key)
            for key, inner in value.items()
        }
    found = []
    for item in value:
        owned, twin = fields_of_item(item, fields), twin_of(item, fields, wanted)
        if owned is not None:
            found.append(without_unowned_items(item, owned, twin))
        elif any(not missing_from(other, item) for other in wanted):
            found.append(item)
    return found


def with_unowned(wanted: Any, live: Any, fields: Fields, name: str = "") -> Any:
    """Return what is wanted, with all that `live` has besides and nobody owns; the order of lists is that of `live`."""
    if isinstance(live, dict) and isinstance(wanted, dict) and not _is_whole(live, fields, name):
        merged = dict(wanted)
        for key, inner in live.items():
            owned = fields.get(f"f:{key}")
            if owned is None:
                merged.setdefault(key, inner)
            elif key in wanted or owned:
                both = with_unowned(wanted.get(key, type(inner)()), inner, owned, key)
                if key in wanted or not is_absent(both):
                    merged[key] = both
        return merged
    if isinstance(live, list) and isinstance(wanted, list) and fields:
        return _items_with_unowned(wanted, live, fields)
    return wanted


def _items_with_unowned(wanted: list[Any], live: list[Any], fields: Fields) -> list[Any]:
    left, merged = list(wanted), []
    for item in live:
        owned, twin = fields_of_item(item, fields), twin_of(item, fields, left)
        if twin is not None:
            left.remove(twin)
            merged.append(with_unowned(twin, item, owned or {}))
        elif owned is None:
            merged.append(item)
    return merged + left


def twin_of(item: Any, fields: Fields, others: Any) -> Any:
    """Return the item of another list that has the same keys, or None."""
    names = _key_names(fields)
    for other in others if isinstance(others, list) else []:
        same = isinstance(other, dict) and isinstance(item, dict) and all(other.get(key) == item.get(key) for key in names)
        if other == item or (names and same):
            return other
    return None


def _is_whole(value: Any, fields: Fields, name: str) -> bool:
    """Return whether a value is owned with all that it holds, or not at all."""
    if not isinstance(value, dict | list):
        return True
    return not fields and not (name in _SENT_EMPTY and isinstance(value, dict))


def _keys_of(item: dict[str, Any], fields: Fields) -> dict[str, Any]:
    return {name: item[name] for name in _key_names(fields) if name in item}


def _key_names(fields: Fields) -> tuple[str, ...]:
    return next((tuple(orjson.loads(key[2:])) for key in fields if key.startswith("k:")), ())


def below(fields: Fields | None, key: str, value: Any) -> Fields | None:
    """Return what is owned of a field, `{}` for all of it, or None when nobody owns anything of it."""
    owned = None if fields is None else fields.get(f"f:{key}")
    if owned == _ALL and key in _SENT_EMPTY and isinstance(value, dict):
        return None
    return owned


def fields_of_item(item: Any, fields: Fields) -> Fields | None:
    """Return what is owned of an item of a list, or None when nobody owns it."""
    for key, inner in fields.items():
        if key.startswith("v:") and orjson.loads(key[2:]) == item:
            return inner if isinstance(inner, dict) else _ALL
        if key.startswith("k:") and isinstance(item, dict) and orjson.loads(key[2:]).items() <= item.items():
            return inner if isinstance(inner, dict) else _ALL
    return None
