"""A stand-in for a broken disk: Python imports this at its start, from PYTHONPATH. The journal alone lies on that disk."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

_MARK = "broken"
"""The file two folders above the journal that says that its disk is broken."""


def _failing(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def call(descriptor: int, *rest: Any) -> Any:
        link = Path(f"/proc/self/fd/{descriptor}")
        path = link.readlink() if link.is_symlink() else link
        if path.name == "journal.jsonl" and (path.parent.parent / _MARK).exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, *rest)

    return call


for _name in ("write", "pwrite", "writev", "fsync", "fdatasync", "ftruncate", "posix_fallocate"):
    setattr(os, _name, _failing(getattr(os, _name)))
