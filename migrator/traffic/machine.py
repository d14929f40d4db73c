"""The machine that a load balancer runs on, as far as its files go: this one, or a host over SSH."""

from __future__ import annotations

import os
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple, Protocol

from migrator.config.haproxy import Configuration
from migrator.errors import CommandFailedError, HostError
from migrator.traffic.runtime_api import Endpoint, UnixSocket

if TYPE_CHECKING:
    from migrator.ports import Host

_PROC = Path("/proc")
_RUN_SECONDS = 60.0
_MARK = "-- configuration --"
# Files of `-f`, and all words after `--`, are relative to the folder that HAProxy was started in; a folder means its *.cfg.
_STARTED = """set -e
tr '\\0' '\\n' < /proc/{pid}/cmdline
echo '{mark}'
cd /proc/{pid}/cwd
files() {{
  tr '\\0' '\\n' < /proc/{pid}/cmdline | while IFS= read -r word; do
    if [ "$before" = -f ] || [ "$before" = -- ]; then if [ -d "$word" ]; then ls -d "$word"/*.cfg; else echo "$word"; fi; fi
    [ "$before" = -- ] || before=$word
  done
}}
files | while IFS= read -r file; do readlink -f "$file"; done
echo '{mark}'
files | while IFS= read -r file; do cat "$file"; done"""


class Started(NamedTuple):
    """What a process of HAProxy was started with."""

    arguments: tuple[str, ...]
    config: str
    """The files of `-f` and after `--`; of a folder those that HAProxy reads (management guide, section 3)."""
    files: tuple[str, ...]
    """Their absolute paths, with links followed."""


class Machine(Protocol):
    """Files by absolute path; what cannot be read or written is an OSError."""

    def read(self, path: str) -> bytes:
        """Return a file's content; raises FileNotFoundError when there is none."""

    def started(self, pid: int) -> Started:
        """Return what a process was started with."""

    def named(self, path: str) -> str:
        """Return what a file is called in messages."""

    def run(self, script: str, stdin: bytes) -> None:
        """Run lines of shell; raises OSError with what they said."""

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
        ends = arguments.index("--") if "--" in arguments else len(arguments)
        named = [value for option, value in pairwise(arguments[:ends]) if option == "-f"] + arguments[ends + 1 :]
        files = [process / "cwd" / value for value in named]
        paths = [path for file in files for path in (sorted(file.glob("*.cfg")) if file.is_dir() else [file])]
        texts = [path.read_text(errors="replace") for path in paths]
        return Started(tuple(arguments), "\n".join(texts), tuple(os.path.realpath(path) for path in paths))

    def named(self, path: str) -> str:
        """Return its path."""
        return path

    def run(self, script: str, stdin: bytes) -> None:
        """Run it by sh."""
        try:
            done = subprocess.run(["sh", "-c", script], input=stdin, capture_output=True, timeout=_RUN_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise _os_error(f"not done within {_RUN_SECONDS:g} s") from error
        if done.returncode:
            raise _os_error(done.stderr.decode(errors="replace"))

    def may_write(self, folder: str) -> bool:
        """Ask the system."""
        return os.access(folder, os.W_OK)

    def replace(self, path: str, content: bytes) -> None:
        """Write beside it, to the disk, and rename."""
        partial = Path(f"{path}.new")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            # The rename must not reach the disk before the content.
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
            # Neither cat (1) nor ssh (255) ends with 44.
            return self._host.run(f"test -e {quoted} || exit 44; cat {quoted}").encode(errors="surrogateescape")
        except CommandFailedError as error:
            if error.code == 44:
                raise FileNotFoundError(path) from error
            raise _os_error(error.message) from error
        except HostError as error:
            raise _os_error(error.message) from error

    def started(self, pid: int) -> Started:
        """Read them from the host's /proc, in one question."""
        try:
            told = self._host.run(_STARTED.format(pid=pid, mark=_MARK))
        except (CommandFailedError, HostError) as error:
            raise _os_error(error.message) from error
        arguments, files, config = [*told.split(f"{_MARK}\n", 2), "", ""][:3]
        return Started(tuple(arguments.splitlines()), config, tuple(files.splitlines()))

    def named(self, path: str) -> str:
        """Return its path, after the host's name."""
        return f"{self._host.name}:{path}"

    def run(self, script: str, stdin: bytes) -> None:
        """Run it on the host."""
        try:
            self._host.run(script, stdin=stdin, timeout=_RUN_SECONDS)
        except (CommandFailedError, HostError) as error:
            raise _os_error(error.message) from error

    def may_write(self, folder: str) -> bool:
        """Ask the host's system; raises HostError when it is not reached."""
        return self._host.ok(f"test -w {shlex.quote(folder)}")

    def replace(self, path: str, content: bytes) -> None:
        """Write beside it and rename."""
        try:
            self._host.write(path, content)
        except (CommandFailedError, HostError) as error:
            raise _os_error(error.message) from error


def _os_error(message: str) -> OSError:
    failed = OSError(message)
    failed.strerror = message
    return failed


class Reached(NamedTuple):
    """How one HAProxy is reached."""

    endpoint: Endpoint
    machine: Machine | None
    """Where its files are; None when they are out of reach."""
    state_file: PurePath | None
    """The file of `server-state-file`."""
    configuration: Configuration = "print"
    """What is done where a restart would lose what was set."""


def on_this_machine(socket: str, state_file: str, folder: Path, configuration: Configuration = "print") -> Reached:
    """Return how an HAProxy of this machine is reached; paths may be relative to a folder."""
    path = folder / Path(socket).expanduser()
    state = folder / Path(state_file).expanduser() if state_file else None
    return Reached(UnixSocket(path), ThisMachine(), state, configuration)
