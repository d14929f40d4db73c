"""Lists in sentences."""

from __future__ import annotations

from collections.abc import Iterable

_SHOWN = 3


def some(names: Iterable[str], most: int = _SHOWN) -> str:
    """Return the first names, and how many more there are."""
    listed = list(names)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
