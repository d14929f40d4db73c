"""Compare two manifests field by field."""

from __future__ import annotations

from typing import Any, NamedTuple

MISSING = "(absent)"


class FieldDifference(NamedTuple):
    """One field whose value on green is not the wanted one."""

    path: str
    live: Any
    wanted: Any


def missing_from(wanted: Any, live: Any, path: str = "", *, additive: bool = False) -> list[FieldDifference]:
    """Return the fields of `wanted` that `live` does not hold; extra fields of `live`, such as defaults, are no difference.

    Lists must have the same length; with `additive`, `live` may have more items, in any order. An empty value equals an absent
    one, as in the API server's encoding.
    """
    if isinstance(wanted, dict) and isinstance(live, dict):
        found: list[FieldDifference] = []
        for key, value in wanted.items():
            have = live.get(key)
            if value != have and not (is_absent(value) and is_absent(have)):
                have = MISSING if key not in live else have
                found += missing_from(value, have, f"{path}.{key}" if path else key, additive=additive)
        return found
    if additive and isinstance(wanted, list) and isinstance(live, list):
        return [FieldDifference(f"{path}[{index}]", MISSING, item) for index, item in enumerate(wanted) if item not in live]
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        return [
            difference
            for index, (value, have) in enumerate(zip(wanted, live, strict=True))
            if value != have
            for difference in missing_from(value, have, f"{path}[{index}]")
        ]
    return [] if wanted == live else [FieldDifference(path, live, wanted)]


def all_differences(before: Any, after: Any, path: str = "") -> list[FieldDifference]:
    """Return every field that differs, in both directions; for an object on one side only, return each of its leaves."""
    if before is MISSING and isinstance(after, dict) and after:
        before = {}
    elif after is MISSING and isinstance(before, dict) and before:
        after = {}
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            difference
            for key in sorted({*before, *after})
            for difference in all_differences(before.get(key, MISSING), after.get(key, MISSING), f"{path}.{key}" if path else key)
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            difference
            for index, (old, new) in enumerate(zip(before, after, strict=True))
            for difference in all_differences(old, new, f"{path}[{index}]")
        ]
    return [] if before == after else [FieldDifference(path, before, after)]


def masked(differences: list[FieldDifference], kind: str) -> list[FieldDifference]:
    """Return the differences with the values of Secrets hidden."""
    if kind != "Secret":
        return differences
    hidden = ("data", "stringData", "metadata.annotations")
    return [FieldDifference(item.path, "(hidden)", "(hidden)") if item.path.startswith(hidden) else item for item in differences]


def is_absent(value: Any) -> bool:
    """Return whether a value says nothing: an API server does not tell an empty value from none."""
    return value is None or value in ({}, [], "", MISSING)
