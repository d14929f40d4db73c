"""Whether an HAProxy refuses to start when something is to be warned of; that is nowhere in its Runtime API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

_ZERO_WARNING = re.compile(r"^\s*zero-warning\b", re.MULTILINE)


def refuses_warnings(pid: int, proc: Path = Path("/proc")) -> bool | None:
    """Return whether `zero-warning` or `-dW` is in force at the next start of this process; None when nobody can tell."""
    try:
        arguments = (proc / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
        if "haproxy" not in Path(arguments[0]).name:
            return None  # its number is one of another PID namespace
        files = list(_config_files(arguments, proc / str(pid) / "cwd"))
        if not files:
            return None
        return "-dW" in arguments or any(_ZERO_WARNING.search(file.read_text(errors="replace")) for file in files)
    except OSError:
        return None


def _config_files(arguments: list[str], folder: Path) -> Iterator[Path]:
    """Yield the files of `-f`; of a folder those that HAProxy reads (management guide, section 3)."""
    for option, value in pairwise(arguments):
        if option == "-f":
            path = folder / value
            yield from sorted(path.glob("*.cfg")) if path.is_dir() else (path,)
