"""Map names of namespaces in every field that holds one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from migrator.model.manifest import Manifest, map_list, put, update
from migrator.rules.context import Rule, RuleContext

_NAME_LABEL = "kubernetes.io/metadata.name"
_REFERENCE_FIELDS = frozenset(
    {
        "subjects",
        "service",
        "clientConfig",
        "claimRef",
        "dataSourceRef",
        "parentRefs",
        "backendRefs",
        "backendRef",
        "certificateRefs",
        "paramRef",
        "from",
        "to",
        "secretRef",
        "configMapRef",
        "targetRef",
    }
)
"""Fields below which the key `namespace` is the name of a namespace, and not a label key of that name."""


def map_namespaces(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the object with green's namespace names: its own, and those in subjects, references and selectors."""
    names = context.config.map.namespaces
    if not names:
        return manifest

    def renamed(name: Any) -> Any:
        return names.get(name, name) if isinstance(name, str) else name

    manifest = update(manifest, ("metadata", "namespace"), renamed)
    if manifest["kind"] == "Namespace":
        manifest = update(manifest, ("metadata", "name"), renamed)
        manifest = update(manifest, ("metadata", "labels", _NAME_LABEL), renamed)
    for field, value in manifest.items():
        if field not in ("apiVersion", "kind", "metadata", "data", "stringData", "binaryData"):
            manifest = put(manifest, (field,), _walk(field, value, renamed, inside=field in _REFERENCE_FIELDS))
    return manifest


def _walk(field: str, value: Any, renamed: Callable[[Any], Any], *, inside: bool) -> Any:
    """Return the value with namespaces renamed; `inside` is true below a reference field."""
    if isinstance(value, list):
        return map_list(value, lambda item: _walk(field, item, renamed, inside=inside))
    if not isinstance(value, dict):
        return value
    for key, inner in value.items():
        if (key == "namespace" and inside) or key == _NAME_LABEL:
            changed = renamed(inner)
        elif key == "matchExpressions" and isinstance(inner, list):
            changed = map_list(inner, lambda item: _expression(item, renamed))
        elif key == "namespaces" and isinstance(inner, list):
            changed = map_list(inner, renamed)
        else:
            changed = _walk(key, inner, renamed, inside=inside or key in _REFERENCE_FIELDS or key.endswith("Ref"))
        if changed is not inner:
            value = {**value, key: changed}
    return value


def _expression(expression: Manifest, renamed: Callable[[Any], Any]) -> Manifest:
    if expression.get("key") != _NAME_LABEL:
        return expression
    return update(expression, ("values",), lambda values: map_list(values, renamed))


def notes(text: bytes, context: RuleContext) -> list[str]:
    """Return a note for each mapped namespace whose blue name occurs in a DNS name in the object."""
    return [
        f"mentions a DNS name in namespace {name} (.{name}.svc): not rewritten, use a transform"
        for name in context.config.map.namespaces
        if re.search(rb"\." + re.escape(name.encode()) + rb"\.svc\b", text)
    ]


RULES = (Rule("namespace-mapping", map_namespaces),)
