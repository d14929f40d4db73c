"""What the testbed makes once and keeps: named after its content, made by one process at a time."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def fingerprint(*parts: object) -> str:
    """Return twelve letters that change when the parts change; parts are what `json` can write."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def without_comments(script: str) -> str:
    """Return a script or a configuration without empty lines and lines that are a comment, which change nothing of what it does."""
    lines = [line for line in script.splitlines() if line.strip()]
    return "\n".join(line for line in lines if line.startswith("#!") or not line.lstrip().startswith("#"))


@contextmanager
def only_one(artefact: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a file or folder that is about to be made; the second process waits for the first and says so.

    The kernel releases the lock when its holder ends, however it ends.
    """
    artefact.parent.mkdir(parents=True, exist_ok=True)
    with (artefact.parent / f".{artefact.name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for {artefact.name}: another process is making it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
