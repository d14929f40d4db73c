"""Which registry an image without one comes from, as CRI-O reads it of its host; pure.

Source: containers-registries.conf(5); cri-o#9401 (from 1.34 on a name that several registries could have is refused).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migrator.model.image import full_name
from migrator.model.manifest import get

ENFORCED_SINCE = 34
"""First minor of CRI-O that chooses among no registries."""
_NO_VERSION_1 = 35
"""First minor of CRI-O that passes over the old form, `[registries.search]` (minikube#22872)."""


@dataclass(slots=True, frozen=True)
class ShortNames:
    """What a host's files say of such names."""

    registries: tuple[str, ...] | None = None
    """Those that are tried; None where no file tells, or one cannot be read."""
    old_form: tuple[str, ...] = ()
    """Those of the old form, where there is no other."""
    aliases: frozenset[str] = frozenset()
    """Names that stand for one image each."""
    chosen: bool = False
    """Whether a person has CRI-O take the first registry that has an image (`short_name_mode = "disabled"`)."""

    def tried(self, minor: int) -> tuple[str, ...]:
        """Return the registries that CRI-O of a minor tries."""
        return self.registries or (self.old_form if minor < _NO_VERSION_1 else ())

    def resolves(self, image: str, minor: int) -> bool:
        """Return whether CRI-O of a minor finds out where an image comes from; True where nobody can tell."""
        name = short_name(image)
        if not name or self.registries is None or name in self.aliases:
            return True
        count = len(self.tried(minor))
        return count > 0 and (count == 1 or self.chosen or minor < ENFORCED_SINCE)


def short_name(image: str) -> str:
    """Return an image's name without tag and digest where it names no registry, else nothing."""
    if not image or full_name(image) == image:
        return ""
    return image.partition("@")[0].partition(":")[0]


def read_short_names(files: Iterable[str], mode: str) -> ShortNames:
    """Return what registries.conf and its drop-in files say, in their order: a later list replaces an earlier one.

    `mode` is the last line of CRI-O's own settings about it.
    """
    listed: tuple[str, ...] | None = None
    old: tuple[str, ...] = ()
    aliases: set[str] = set()
    seen = False
    for text in files:
        seen = True
        try:
            content: Mapping[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            return ShortNames()
        listed = _texts(content.get("unqualified-search-registries"), listed)
        old = _texts(get(dict(content), "registries", "search", "registries"), old) or ()
        given = content.get("aliases")
        aliases |= set(given) if isinstance(given, dict) else set()
    if not seen:
        return ShortNames()
    return ShortNames(listed or (), () if listed else old, frozenset(aliases), "disabled" in mode)


def _texts(value: object, otherwise: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return tuple(map(str, value)) if isinstance(value, list) else otherwise
