"""Apply the person's transforms, and match objects with selectors."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from migrator.config.fields import Selector
from migrator.config.schema import AcceptedAddition, Transform
from migrator.errors import ConfigError
from migrator.model.manifest import Manifest, ref_of
from migrator.model.ref import ObjectRef
from migrator.rules.context import RuleContext


def selects(selector: Selector, ref: ObjectRef, labels: dict[str, str]) -> bool:
    """Return whether the selector matches this object of blue."""
    return (
        (selector.kind is None or selector.kind in (ref.kind, ref.type_name))
        and (selector.namespace is None or fnmatchcase(ref.namespace, selector.namespace))
        and (selector.name is None or fnmatchcase(ref.name, selector.name))
        and all(labels.get(key) == value for key, value in selector.labels.items())
    )


def accepts(addition: AcceptedAddition, ref: ObjectRef, manifest: Manifest, path: str) -> bool:
    """Return whether a person wants what green's admission adds at this path."""
    labels = manifest["metadata"].get("labels") or {}
    return selects(addition.target, ref, labels) and any(_matches(path, pattern) for pattern in addition.fields)


def _matches(path: str, pattern: str) -> bool:
    """Return whether a path matches; brackets are the name of an item there."""
    return fnmatchcase(path, pattern.replace("[", "[[]"))


def apply_transforms(manifest: Manifest, original: Manifest, context: RuleContext) -> tuple[Manifest, list[str]]:
    """Return the manifest after the person's transforms, and the names of those that changed it.

    Raises ConfigError when a JSON patch does not fit the object.
    """
    touched = []
    labels = original["metadata"].get("labels") or {}
    for transform in context.config.transforms:
        if selects(transform.target, ref_of(original), labels):
            changed = _patched(transform, manifest)
            if changed != manifest:
                touched.append(f"transform:{transform.name}")
                manifest = changed
    if touched and _identity(manifest) != _identity(original, context):
        raise ConfigError(
            [f"transform {touched[-1].removeprefix('transform:')}: changes kind, name or namespace of {ref_of(original)}"],
            hint="use map.namespaces to rename a namespace; objects keep their names",
        )
    return manifest, touched


def merge_patch(value: Any, patch: Any) -> Any:
    """Return `value` after an RFC 7396 merge patch."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(value) if isinstance(value, dict) else {}
    for key, change in patch.items():
        if change is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), change)
    return merged


def _patched(transform: Transform, manifest: Manifest) -> Manifest:
    if transform.merge_patch:
        return dict(merge_patch(manifest, transform.merge_patch))
    import jsonpatch  # few files have such a patch

    try:
        return dict(jsonpatch.apply_patch(manifest, list(transform.json_patch)))
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError) as error:
        raise ConfigError(
            [f"transform {transform.name}: does not fit {ref_of(manifest)}: {_reason(error)}"],
            hint="narrow its target, or correct the path (RFC 6901)",
        ) from error


def _reason(error: Exception) -> str:
    """Return why a patch does not fit; what the library says of a failed test holds the object's value."""
    import jsonpatch

    if isinstance(error, jsonpatch.JsonPatchTestFailed):
        return "its test operation found another value"
    if isinstance(error, jsonpatch.JsonPatchConflict | jsonpatch.JsonPointerException):
        return "a path is not there"
    return "an operation does not suit the value at its path"


def _identity(manifest: Manifest, context: RuleContext | None = None) -> tuple[str, str, str]:
    ref = ref_of(manifest)
    namespace = context.green_namespace(ref.namespace) if context else ref.namespace
    name = context.green_namespace(ref.name) if context and ref.kind == "Namespace" else ref.name
    return ref.kind, namespace, name
