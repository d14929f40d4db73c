"""Run a long build with its output in a log, and tell how far it is."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from migrator.adapters.clock import SystemClock
from migrator.errors import CommandFailedError, MigratorError


def supervise(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    say: Callable[[str], None],
    expected: int = 0,
    every: float = 10.0,
    hint: str = "",
) -> None:
    """Run a command, write its output to a log, and report the progress that the output shows.

    `expected` is the most Go packages that it may compile, 0 when that is not known; they are counted aloud after `every`
    seconds. `hint` is for a program that is not installed. Raises CommandFailedError with the end of the log.
    """
    with log.open("w") as file:
        try:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise MigratorError(f"{command[0]} is not installed", hint=hint) from error
        try:
            _follow(child, file.write, say, expected=expected, every=every)
            code = child.wait()
        finally:
            if child.poll() is None:  # ^C: the command and its compilers are one process group, and all of it must end
                os.killpg(child.pid, 15)
                child.wait()
    if code:
        raise CommandFailedError(shlex.join(command[-7:]), code, log.read_text()[-400:], hint=f"the whole log: {log}")


def _follow(
    child: subprocess.Popen[str], write: Callable[[str], object], say: Callable[[str], None], *, expected: int, every: float
) -> None:
    clock = SystemClock()
    begun = shown = clock.monotonic()
    compiled = 0
    for line in child.stdout or ():
        write(line)
        if line.startswith("==>"):
            say(line.removeprefix("==>").strip())
        elif "/" in line and " " not in line.strip():
            compiled += 1
        if clock.monotonic() - shown >= every:
            shown = clock.monotonic()
            of = f" of at most {expected}" if expected else ""
            say(f"{compiled}{of} Go packages compiled, {shown - begun:.0f} s")
