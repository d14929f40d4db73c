"""The machine that a load balancer runs on, as far as its files go: this one, or a host over SSH."""

from __future__ import annotations

import os
import shlex
from itertools import pairwise
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple, Protocol

from migrator.errors import CommandFailedError, HostError
from migrator.traffic.runtime_api import Endpoint, UnixSocket

if TYPE_CHECKING:
    from migrator.ports import Host

_PROC = Path("/proc")
_MARK = "-- configuration --"
_STARTED = """set -e
tr '\\0' '\\n' < /proc/{pid}/cmdline
echo '{mark}'
cd /proc/{pid}/cwd
tr '\\0' '\\n' < /proc/{pid}/cmdline | while IFS= read -r word; do
  if [ "$before" = -f ]; then if [ -d "$word" ]; then cat "$word"/*.cfg; else cat "$word"; fi; fi
  before=$word
done"""


class Started(NamedTuple):
    """What a process of HAProxy was started with."""

    arguments: tuple[str, ...]
    config: str
    """The files of `-f`; of a folder those that HAProxy reads (management guide, section 3)."""


class Machine(Protocol):
    """Files by absolute path; what cannot be read or written is an OSError."""

    def read(self, path: str) -> bytes:
        """Return a file's content; raises FileNotFoundError when there is none."""

    def started(self, pid: int) -> Started:
        """Return what a process was started with."""

    def may_write(self, folder: str) -> bool:
        """Return whether a file may be made in a folder."""

    def replace(self, path: str, content: bytes) -> None:
        """Put a file in place at once."""


class ThisMachine:
    """The one that the tool runs on."""

    def __init__(self, proc: Path = _PROC) -> None:
        self._proc = proc

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        return Path(path).read_bytes()

    def started(self, pid: int) -> Started:
        """Read them from /proc."""
        process = self._proc / str(pid)
        arguments = [word.decode(errors="replace") for word in (process / "cmdline").read_bytes().split(b"\0")[:-1]]
        files = [process / "cwd" / value for option, value in pairwise(arguments) if option == "-f"]
        texts = [
            path.read_text(errors="replace") for file in files for path in (sorted(file.glob("*.cfg")) if file.is_dir() else [file])
        ]
        return Started(tuple(arguments), "\n".join(texts))

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

    def started(self, pid: int) -> Started:
        """Read them from the host's /proc, in one question."""
        try:
            arguments, _, config = self._host.run(_STARTED.format(pid=pid, mark=_MARK)).partition(f"{_MARK}\n")
        except (CommandFailedError, HostError) as error:
            raise _os_error(error) from error
        return Started(tuple(arguments.splitlines()), config)

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


class Reached(NamedTuple):
    """How one HAProxy is reached."""

    endpoint: Endpoint
    machine: Machine | None
    """Where its files are; None when they are out of reach."""
    state_file: PurePath | None
    """The file of `server-state-file`."""


def on_this_machine(socket: str, state_file: str, folder: Path) -> Reached:
    """Return how an HAProxy of this machine is reached; paths may be relative to a folder."""
    path = folder / Path(socket).expanduser()
    return Reached(UnixSocket(path), ThisMachine(), folder / Path(state_file).expanduser())
