"""The machine that a load balancer runs on, as far as its files go: this one, or a host over SSH."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Protocol

from migrator.errors import CommandFailedError, HostError
from migrator.ports import Host


class Machine(Protocol):
    """Files by absolute path; what cannot be read or written is an OSError."""

    def read(self, path: str) -> bytes:
        """Return a file's content; raises FileNotFoundError when there is none."""

    def configs(self, path: str) -> list[str]:
        """Return the files that HAProxy reads where it is given this path (management guide, section 3)."""

    def may_write(self, folder: str) -> bool:
        """Return whether a file may be made in a folder."""

    def replace(self, path: str, content: bytes) -> None:
        """Put a file in place at once."""


class ThisMachine:
    """The one that the tool runs on."""

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        return Path(path).read_bytes()

    def configs(self, path: str) -> list[str]:
        """Return the path, or the files of a folder."""
        here = Path(path)
        return [str(file) for file in sorted(here.glob("*.cfg"))] if here.is_dir() else [path]

    def may_write(self, folder: str) -> bool:
        """Ask the system."""
        return os.access(folder, os.W_OK)

    def replace(self, path: str, content: bytes) -> None:
        """Write beside it, to the disk, and rename."""
        partial = Path(f"{path}.new")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)


class RemoteMachine:
    """A host over SSH."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def read(self, path: str) -> bytes:
        """Return a file's content; one question, so that a file that is not there is told from one that cannot be read."""
        quoted = shlex.quote(path)
        try:
            return self._host.run(f"test -e {quoted} || exit 44; cat {quoted}").encode(errors="surrogateescape")
        except CommandFailedError as error:
            if error.code == 44:
                raise FileNotFoundError(path) from error
            raise _os_error(error) from error
        except HostError as error:
            raise _os_error(error) from error

    def configs(self, path: str) -> list[str]:
        """Return the path, or the files of a folder."""
        quoted = shlex.quote(path)
        try:
            return self._host.run(f"if test -d {quoted}; then ls -1d {quoted}/*.cfg; else echo {quoted}; fi").splitlines()
        except (CommandFailedError, HostError) as error:
            raise _os_error(error) from error

    def may_write(self, folder: str) -> bool:
        """Ask the host's system; raises HostError when it is not reached."""
        return self._host.ok(f"test -w {shlex.quote(folder)}")

    def replace(self, path: str, content: bytes) -> None:
        """Write beside it and rename."""
        try:
            self._host.write(path, content)
        except (CommandFailedError, HostError) as error:
            raise _os_error(error) from error


def _os_error(error: CommandFailedError | HostError) -> OSError:
    failed = OSError(error.message)
    failed.strerror = error.message
    return failed
