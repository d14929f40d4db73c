"""What an object has on green that blue's has not, and that nobody there owns: green's servers have added or changed it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.model.difference import is_absent
from migrator.model.manifest import Manifest
from migrator.model.owned import Fields, below, fields_of_item

_NOT_CONTENT = frozenset({"apiVersion", "kind", "metadata", "status"})
# Fields of containers and variables, whose names say what they are.
_WITH_CHOSEN_NAME = frozenset({"image", "value", "valueFrom"})
_LABEL_KEYS = ("name", "mountPath", "key", "ip")


def content(manifest: Manifest) -> Manifest:
    """Return what a person may say in an object: all but its identity, status, and what servers keep in its metadata."""
    given = {key: manifest["metadata"].get(key) or {} for key in ("labels", "annotations")}
    return {"metadata": given, **{key: value for key, value in manifest.items() if key not in _NOT_CONTENT}}


def added(known: Any, live: Any, fields: Fields | None, path: str = "") -> Iterator[str]:
    """Yield the paths that only `live` has and nobody owns; `fields` is None where nobody owns anything, `{}` where all is owned.

    Another value is no addition, nor is an item of a list under another generated name.
    """
    if fields == {}:
        return
    if isinstance(live, dict):
        known = known if isinstance(known, dict) else {}
        for key, inner in live.items():
            if inner is known.get(key):
                continue
            owned, where = below(fields, key, inner), f"{path}.{key}" if path else key
            if owned is None and is_absent(known.get(key)) and not is_absent(inner):
                yield where
            else:
                yield from added(known.get(key), inner, owned, where)
    elif isinstance(live, list):
        yield from _added_items(known if isinstance(known, list) else [], live, fields, path)


def changed(sent: Any, live: Any, known: Any, path: str = "") -> Iterator[str]:
    """Yield the paths whose value is neither what was sent nor what `known` has, which a server of blue has treated before."""
    if isinstance(sent, dict) and isinstance(live, dict):
        known = known if isinstance(known, dict) else {}
        for key, value in sent.items():
            if not is_absent(value):
                yield from changed(value, live.get(key), known.get(key), f"{path}.{key}" if path else key)
    elif _are_objects(sent) and _are_objects(live):
        twins = _paired(sent, live)
        known_twins = _paired(known, live) if _are_objects(known) else {}
        for index, item in enumerate(live):
            if index in twins:
                yield from changed(twins[index], item, known_twins.get(index), f"{path}[{_label(item, index)}]")
    elif live not in (sent, known):
        yield path


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _added_items(known: list[Any], live: list[Any], fields: Fields | None, path: str) -> Iterator[str]:
    twins = _paired(known, live)
    for index, item in enumerate(live):
        owned = None if fields is None else fields_of_item(item, fields)
        where = f"{path}[{_label(item, index)}]"
        if index in twins:
            yield from added(twins[index], item, owned, where)
        elif owned is None:
            yield where


def _paired(known: list[Any], live: list[Any]) -> dict[int, Any]:
    """Return the item of `known` for items of `live`: the same one, one of the same name or path, or one of the same form."""
    left, twins = list(known), dict[int, Any]()
    for same in (_equal, _same_name, _same_place, _same_form):
        for index, item in enumerate(live):
            twin = next((other for other in left if index not in twins and same(other, item)), None)
            if twin is not None:
                left.remove(twin)
                twins[index] = twin
    return twins


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other)


def _same_name(one: Any, other: Any) -> bool:
    return _agree(one, other, "name") and "mountPath" not in one


def _same_place(one: Any, other: Any) -> bool:
    return _agree(one, other, "mountPath")


def _same_form(one: Any, other: Any) -> bool:
    """Return whether an item is like another but for a generated name or value: a pod's token volume, an allocated address."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return type(one) is type(other)
    return set(one) == set(other) and not _WITH_CHOSEN_NAME & set(one)


def _agree(one: Any, other: Any, key: str) -> bool:
    return isinstance(one, dict) and isinstance(other, dict) and key in one and one[key] == other.get(key)


def _label(item: Any, index: int) -> str:
    found = (item.get(key) for key in _LABEL_KEYS) if isinstance(item, dict) else ()
    return next((value for value in found if isinstance(value, str) and value), str(index))
