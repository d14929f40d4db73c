"""What a person leaves out of a volume, by patterns of paths: neither brought, nor compared, nor deleted, on either side.

A pattern is a path from the top of the volume, with all that lies below it; `*` and `?` stand for what is in one name. One that
begins with `**/` counts at any depth.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

_DEEP = "**/"


class Exclude:
    """Patterns of one volume."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.patterns = tuple(patterns)
        text = b"|".join(map(_expression, self.patterns))
        self._matches = re.compile(text, re.DOTALL).fullmatch if text else None

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def __call__(self, path: bytes) -> bool:
        """Return whether an object is left out, when the folders around it are not."""
        return self._matches is not None and self._matches(path) is not None

    @property
    def text(self) -> str:
        """The patterns in one line; empty for none."""
        return json.dumps(self.patterns) if self.patterns else ""

    @staticmethod
    def of(text: str | bytes) -> Exclude:
        """Return the patterns of such a line; raises ValueError for any other text."""
        found = json.loads(text) if text else []
        if not (isinstance(found, list) and all(isinstance(pattern, str) for pattern in found)):
            raise ValueError("patterns are a list of texts")
        return Exclude(found)

    def words(self) -> Iterator[str]:
        """Yield rsync's options for it; each begins at the top, so that no name is taken for another rule (rsync(1))."""
        for pattern in self.patterns:
            yield f"--exclude=/{pattern}"
            if pattern.startswith(_DEEP):
                yield f"--exclude=/{pattern.removeprefix(_DEEP)}"


def _expression(pattern: str) -> bytes:
    deep, rest = pattern.startswith(_DEEP), pattern.removeprefix(_DEEP).encode()
    found = re.escape(rest).replace(rb"\*", b"[^/]*").replace(rb"\?", b"[^/]")
    return (b"(?:.*/)?" if deep else b"") + found
