"""Run a program to its end; what it said comes with the error."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from migrator.errors import CommandFailedError


def run(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    hint: str = "",
) -> str:
    """Return a program's output; raises CommandFailedError, also when it is not installed."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise CommandFailedError(shlex.join(words), 127, f"{words[0]} is not installed", hint=hint) from error
    if done.returncode:
        raise CommandFailedError(shlex.join(words), done.returncode, done.stderr or done.stdout, hint=hint)
    return done.stdout
