"""What a definition's schema refuses in a custom resource that lies on blue: it was stored before the schema got stricter.

Told here are only faults of which there is no doubt. What only the API server can judge (CEL, formats, patterns that repeat
a group) is left to it. Source: k8s.io/apiextensions-apiserver, pkg/apiserver/validation, and its docs on structural schemas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from migrator.model.manifest import Manifest, get

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int, float),
    "boolean": (bool,),
}
# Parts of an object that the API server checks by itself.
_SERVERS = frozenset({"apiVersion", "kind", "metadata"})
# Patterns that Python reads in another way than Go does, or for which it may need very long.
_OTHER_DIALECT = re.compile(r"\)[*+{]|\[\[:|\\[pPzQCX]|\(\?")
# Characters of a text that is matched with a pattern.
_LONGEST_MATCHED = 1024

_LIMITS: tuple[tuple[str, tuple[type, ...], Callable[[Any, Any], bool], str], ...] = (
    ("minLength", (str,), lambda value, limit: len(value) < limit, "is shorter than {}"),
    ("maxLength", (str,), lambda value, limit: len(value) > limit, "is longer than {}"),
    ("minItems", (list,), lambda value, limit: len(value) < limit, "has less than {} items"),
    ("maxItems", (list,), lambda value, limit: len(value) > limit, "has more than {} items"),
    ("minProperties", (dict,), lambda value, limit: len(value) < limit, "has less than {} fields"),
    ("maxProperties", (dict,), lambda value, limit: len(value) > limit, "has more than {} fields"),
    ("minimum", (int, float), lambda value, limit: value < limit, "is less than {}"),
    ("maximum", (int, float), lambda value, limit: value > limit, "is more than {}"),
)


def faults(manifest: Manifest, definition: Manifest, version: str) -> Iterator[str]:
    """Yield what a definition's schema of one version refuses in a custom resource; the texts hold no value of it."""
    found: Any = next((item for item in definition["spec"]["versions"] if item["name"] == version), {})
    schema = get(found, "schema", "openAPIV3Schema") or {}
    # A create drops the status of a kind with that subresource, so it is not judged (CRD docs, status subresource).
    if get(found, "subresources", "status") is not None:
        manifest = {key: value for key, value in manifest.items() if key != "status"}
    for part, value in manifest.items():
        if part not in _SERVERS:
            yield from _faults(value, get(schema, "properties", part) or {}, part)
    yield from _missing(manifest, schema, "")


def _faults(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if value is None:  # a null is taken, dropped, or replaced by a default
        return
    kind = schema.get("type", "")
    if kind in _TYPES and not _is_of(value, kind):
        yield f"{path} is not of type {kind}"
        return
    options = schema.get("enum")
    if options and value not in options:
        yield f"{path} is none of {', '.join(map(str, options))}"
    for name, types, exceeds, words in _LIMITS:
        if name in schema and isinstance(value, types) and not isinstance(value, bool) and exceeds(value, schema[name]):
            yield f"{path} {words.format(schema[name])}"
    if isinstance(value, str) and not _matches(schema.get("pattern", ""), value):
        yield f"{path} does not match {schema['pattern']}"
    yield from _combined(value, schema, path)
    if isinstance(value, dict):
        yield from _fields(value, schema, path)
    elif isinstance(value, list):
        yield from _items(value, schema, path)


def _fields(value: dict[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[str]:
    yield from _missing(value, schema, f"{path}.")
    known, others = schema.get("properties") or {}, schema.get("additionalProperties")
    for key, item in value.items():
        below = known.get(key, others)
        if isinstance(below, dict):
            yield from _faults(item, below, f"{path}.{key}" if key in known else f"{path}.*")


def _missing(value: Mapping[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in schema.get("required") or ():
        # Defaults are filled in before the validation (CRD docs, defaulting).
        if name not in value and "default" not in (get(schema, "properties", name) or {}):
            yield f"{path}{name} is required"


def _items(value: list[Any], schema: Mapping[str, Any], path: str) -> Iterator[str]:
    below = schema.get("items")
    if isinstance(below, dict):
        for item in value:
            yield from _faults(item, below, f"{path}[]")
    keys = schema.get("x-kubernetes-list-map-keys")
    listed = schema.get("x-kubernetes-list-type")
    if listed == "map" and keys:
        value = [[get(item, key) for key in keys] for item in value if isinstance(item, dict) and all(key in item for key in keys)]
    if listed in ("map", "set") and len({repr(item) for item in value}) < len(value):
        yield f"{path} has two items with the same key"


def _combined(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    for part in schema.get("allOf") or ():
        yield from _faults(value, part, path)
    for name in ("anyOf", "oneOf"):
        parts = schema.get(name) or ()
        # oneOf is judged as anyOf: that it fits several at once is left to the server.
        if parts and all(any(_faults(value, part, path)) for part in parts):
            yield f"{path} fits none of the forms that it may have"


def _is_of(value: Any, kind: str) -> bool:
    # In Python a bool is an int, in JSON it is none.
    if isinstance(value, bool):
        return kind == "boolean"
    # 1.0 is an integer for the API server, as JSON has one kind of number.
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind])


def _matches(pattern: str, value: str) -> bool:
    """Return whether a text matches, as far as that can be told."""
    compiled = _compiled(pattern)
    # Go's regular expressions take linear time, Python's may not.
    return compiled is None or len(value) > _LONGEST_MATCHED or compiled.search(value) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    if _OTHER_DIALECT.search(pattern):
        return None
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None
