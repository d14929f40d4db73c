"""One page of a list, as bytes and as objects; an object that cannot be parsed costs only itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from migrator.errors import InvalidError
from migrator.model.manifest import Manifest, get
from migrator.model.strange import Unparsed

# A string, or a mark that opens, closes or divides.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{},]', re.DOTALL)


class Page(NamedTuple):
    """The objects of one answer, and the token of the next one."""

    items: list[Manifest | Unparsed]
    following: str


def page_of(body: bytes, where: str) -> Page:
    """Return the objects of a page; raises InvalidError for what is not a list. `where` names the cluster and the path."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        # orjson refuses the whole page for one object that it cannot read, such as one that is nested too deep.
        content = _in_pieces(body)
    metadata, items = (content.get("metadata") or {}, content.get("items", "")) if isinstance(content, dict) else (None, "")
    # A list that is cut off, or something else that is JSON, must not be taken for an empty list.
    if not isinstance(metadata, dict) or not isinstance(items, list | None):
        raise InvalidError(f"{where} is not a list of objects")
    checked = [item if isinstance(item, dict | Unparsed) else Unparsed("", "", "", orjson.dumps(item)) for item in items or []]
    return Page(checked, str(metadata.get("continue") or ""))


def name_of(item: Manifest | Unparsed) -> tuple[str, str] | None:
    """Return namespace and name, or None where there is no name."""
    if isinstance(item, Unparsed):
        return (item.namespace, item.name) if item.name else None
    namespace, name = get(item, "metadata", "namespace") or "", get(item, "metadata", "name")
    return (namespace, name) if name and isinstance(name, str) and isinstance(namespace, str) else None


def _in_pieces(body: bytes) -> dict[str, Any]:
    """Return the page with each object parsed by itself; without items where it is cut off."""
    try:
        parts = dict(_members(body))
        return {
            "metadata": _parsed(parts.get("metadata", b"{}")),
            "items": [_object(text) for text in _parts(parts["items"])],
        }
    except (ValueError, KeyError):
        return {}


def _object(text: bytes) -> Any:
    found = _parsed(text)
    if found is not None:
        return found
    try:
        metadata = dict(_members(dict(_members(text))["metadata"]))
    except (ValueError, KeyError):
        metadata = {}
    found = [_parsed(metadata.get(key, b"")) for key in ("namespace", "name", "uid")]
    namespace, name, uid = (name if isinstance(name, str) else "" for name in found)
    return Unparsed(namespace, name, uid, text)


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _members(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each key of a JSON object with its value, which is not read."""
    for part in _parts(text):
        key = _TOKEN.match(part)
        if key:
            yield str(_parsed(key.group())), part[key.end() :].lstrip().removeprefix(b":")


def _parts(text: bytes) -> Iterator[bytes]:
    """Yield what a JSON array or object holds, cut at its commas; raises ValueError where it has no end."""
    depth = begin = 0
    for token in _TOKEN.finditer(text):
        mark = text[token.start() : token.start() + 1]
        if mark in (b"{", b"["):
            depth += 1
            begin = token.end() if depth == 1 else begin
        elif mark in (b"}", b"]"):
            depth -= 1
        if (mark == b"," and depth == 1) or (mark in (b"}", b"]") and depth == 0):
            part = text[begin : token.start()].strip()
            if part:
                yield part
            begin = token.end()
        if mark in (b"}", b"]") and depth == 0:
            return
    raise ValueError("has no end")
