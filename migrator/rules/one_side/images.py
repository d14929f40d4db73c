"""Images by the end of their path: mirrors and private registries keep at least that."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from migrator.model.manifest import Manifest


def path_of(image: str) -> str:
    """Return an image's path without tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def ends_as(path: str, patterns: Iterable[str]) -> bool:
    """Return whether a path ends as one of these, which may use *."""
    return any(fnmatchcase(f"/{path}", f"*/{pattern}") for pattern in patterns)


def is_of(container: Manifest, patterns: Iterable[str]) -> bool:
    """Return whether a container runs one of these images."""
    return ends_as(path_of(container.get("image") or ""), patterns)
