"""How much memory this machine, or the container that this process is in, can still give."""

from __future__ import annotations

from pathlib import Path


def free_memory(root: Path = Path("/")) -> int | None:
    """Return bytes; None where the system does not tell.

    Source: proc(5), MemAvailable; the kernel's cgroup-v2.rst, memory.max and memory.current.
    """
    found = [item for item in (_of_machine(root), _of_container(root)) if item is not None]
    return min(found) if found else None


def _of_machine(root: Path) -> int | None:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
    except (OSError, ValueError, IndexError):
        return None


def _of_container(root: Path) -> int | None:
    folder = root / "sys/fs/cgroup"
    try:
        return max(0, int((folder / "memory.max").read_text()) - int((folder / "memory.current").read_text()))
    except (OSError, ValueError):  # no limit: `max`
        return None
