"""The person's hooks: commands that run to their end, or are ended with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess

from migrator.errors import CommandFailedError


class ShellRunner:
    """Runs a person's commands."""

    def run(self, command: tuple[str, ...], timeout: float) -> None:
        """Run a command to its end, with all that it started ended at the timeout; raises CommandFailedError.

        The error names the program only: arguments may hold secrets.
        """
        shown = command[0]
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise CommandFailedError(shown, 127, error.strerror or str(error)) from error
        try:
            output, _ = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise CommandFailedError(shown, 124, f"not done within {timeout:g} s") from error
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            if child.stdout:
                child.stdout.close()
        if child.returncode:
            raise CommandFailedError(shown, child.returncode, output)
