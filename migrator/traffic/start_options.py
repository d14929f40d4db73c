"""What only HAProxy's own arguments and haproxy.cfg tell, and its Runtime API does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_ZERO_WARNING = re.compile(r"^\s*zero-warning\b", re.MULTILINE)
_PERSISTENCE = re.compile(r"^\s*(option persist|force-persist)\b", re.MULTILINE)


@dataclass(slots=True, frozen=True)
class StartOptions:
    """What is in force at the next start of a process."""

    refuses_warnings: bool
    """`zero-warning` or `-dW`: HAProxy does not start when something is to be warned of."""
    persistence: str
    """`option persist` or `force-persist` somewhere in the files: a server in maintenance is asked all the same."""


def read_start_options(pid: int, proc: Path = Path("/proc")) -> StartOptions | None:
    """Return what arguments and files of a process say; None when nobody can tell."""
    try:
        arguments = (proc / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
        if "haproxy" not in Path(arguments[0]).name:
            return None  # its number is one of another PID namespace
        texts = [file.read_text(errors="replace") for file in _config_files(arguments, proc / str(pid) / "cwd")]
    except OSError:
        return None
    if not texts:
        return None
    text = "\n".join(texts)
    persistence = _PERSISTENCE.search(text)
    return StartOptions("-dW" in arguments or _ZERO_WARNING.search(text) is not None, persistence[1] if persistence else "")


def _config_files(arguments: list[str], folder: Path) -> Iterator[Path]:
    """Yield the files of `-f`; of a folder those that HAProxy reads (management guide, section 3)."""
    for option, value in pairwise(arguments):
        if option == "-f":
            path = folder / value
            yield from sorted(path.glob("*.cfg")) if path.is_dir() else (path,)
