"""Versions of Kubernetes and what comes with it."""

from __future__ import annotations

import re
from typing import NamedTuple

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?")


class Version(NamedTuple):
    """`major.minor.patch`; compares as versions do."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """Print as `1.37.2`."""
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def line(self) -> tuple[int, int]:
        """Major and minor."""
        return self.major, self.minor


def version_in(text: object) -> Version | None:
    """Return the version in a text, None where it is none: a node that is not a kubelet, a tag that is a name."""
    try:
        return parse_version(str(text))
    except ValueError:
        return None


def parse_version(text: str) -> Version:
    """Return the version in `1.37.2`, `v1.37.2` or `v1.37.2+extra`; raises ValueError for anything else."""
    match = _VERSION.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a version; write it as 1.37.2")
    return Version(*map(int, match.groups()))
