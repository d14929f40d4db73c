"""Run a program to its end, or to the end of its time; what it said comes with the error."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from migrator.errors import CommandFailedError

TIMED_OUT, NOT_INSTALLED = 124, 127
# A build or an archive may take minutes; a program that hangs must not hold the run for ever.
_SECONDS = 600.0


def run(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    hint: str = "",
    timeout: float = _SECONDS,
    interactive: bool = False,
) -> str:
    """Return a program's output; raises CommandFailedError, also when it is not installed or not done in `timeout` seconds.

    It reads nothing; with `interactive` it reads and complains at the terminal. Bytes that are not UTF-8 are replaced.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if interactive else subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
        )
    except OSError as error:
        # Beside these: a program of another architecture ("Exec format error"), and more arguments than there may be.
        known = {FileNotFoundError: "is not installed", PermissionError: "may not be run"}
        reason = known.get(type(error), f"cannot be run: {error.strerror}")
        raise CommandFailedError(shlex.join(words), NOT_INSTALLED, f"{words[0]} {reason}", hint=hint) from error
    except subprocess.TimeoutExpired as error:
        raise CommandFailedError(shlex.join(words), TIMED_OUT, f"not done within {timeout:g} s", hint=hint) from error
    if done.returncode:
        raise CommandFailedError(shlex.join(words), done.returncode, done.stderr or done.stdout, hint=hint)
    return done.stdout
