"""The person's hooks: commands that run to their end, or are ended with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import IO

from migrator.adapters.temporary import memory_file
from migrator.errors import CommandFailedError

# Of what a command says, its end: the message quotes less.
_KEPT = 65_536


class ShellRunner:
    """Runs a person's commands."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take the folder that they run in: that of their file, as its paths are relative to it."""
        self._folder = folder

    def run(self, command: tuple[str, ...], timeout: float) -> None:
        """Run a command to its end, with all that it started ended at the timeout; raises CommandFailedError.

        What it leaves running by the time of its end goes on. The error names the program only: arguments may hold secrets.
        """
        shown = command[0]
        # A pipe ends when the last process has closed it: a command that leaves one in the background, such as a port that is
        # forwarded, would be waited for until its timeout (docker/docker-agent#2462).
        with memory_file() as output:
            try:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    cwd=self._folder,
                )
            except OSError as error:
                raise CommandFailedError(shown, 127, error.strerror or str(error)) from error
            try:
                child.wait(timeout)
            except subprocess.TimeoutExpired as error:
                raise CommandFailedError(shown, 124, f"not done within {timeout:g} s") from error
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
            if child.returncode:
                raise CommandFailedError(shown, child.returncode, _end_of(output).decode(errors="replace"))


def _end_of(file: IO[bytes]) -> bytes:
    # Its place is that of all who write to it: nothing is sought.
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), _KEPT, max(size - _KEPT, 0))
