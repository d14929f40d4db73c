"""What this machine, or the container around this process, can still give."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.adapters.memory import free_memory

_MACHINE = {"proc/meminfo": "MemTotal:  8000 kB\nMemFree: 100 kB\nMemAvailable:    4000 kB\n"}


@pytest.mark.parametrize(
    ("files", "free"),
    [
        (_MACHINE, 4000 * 1024),
        (_MACHINE | {"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "5\n"}, 4000 * 1024),
        (_MACHINE | {"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "400\n"}, 600),
        (_MACHINE | {"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "1400\n"}, 0),
        ({"proc/meminfo": "MemAvailable:\n"}, None),
        ({"proc/meminfo": "MemTotal: 1 kB\n"}, None),
        ({}, None),
    ],
)
def test_the_tighter_limit_counts(files: dict[str, str], free: int | None, tmp_path: Path) -> None:
    """A container's limit ends a process that the machine still had room for; what is not told is not known."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert free_memory(tmp_path) == free
