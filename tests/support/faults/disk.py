"""A disk for the journal alone that can be full, or broken."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BROKEN = "broken"
"""The file in the folder above the journal's that says that its disk is broken."""


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a disk of 16 MiB at a folder, which holds a plan of all that other tests have left on both sides; needs root."""
    folder.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", str(folder)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def breakable() -> dict[str, str]:
    """Return the environment of a process whose journal lies on a disk that breaks when the file `broken` is there."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).with_name("broken_disk"))}
