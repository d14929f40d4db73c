"""The `Host` port over one session of OpenSSH, for what must be quick: each command costs one round trip.

A session of its own for each command costs the start of a process on both machines, and the host's login shell with its start-up
files, which take a second on some hosts. Here the login shell starts once, and a loop of `sh` takes commands from its input.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import selectors
import subprocess
import threading
import weakref
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.config.login import Login
from migrator.errors import HostError
from migrator.ssh import refusals
from migrator.ssh.bounded import pipe_of, require_shorter
from migrator.ssh.host import CONNECT_SECONDS, LOST, SYSTEM_PATH, Answer, SshHost, after_mark, login_line

if TYPE_CHECKING:
    from migrator.ports import Clock

# `read` ends at a line break, so script and input come encoded, a line each. base64 is tried first: without it input would be
# lost in silence. What stands before the first mark was printed by start-up files of the login shell.
_LOOP = """{path}; echo begun-{mark}; echo begun-{mark} >&2
while IFS= read -r script && IFS= read -r input; do
  script=$(printf %b "$script")
  if [ -z "$input" ]; then sh -c "$script" < /dev/null
  elif [ "$(printf YQ== | base64 -d)" = a ]; then printf %s "$input" | base64 -d | sh -c "$script"
  else false; fi
  printf '\\n{mark} %d\\n' "$?"
  printf '\\n{mark}\\n' >&2
done"""
# A rollback waits for this, and nothing else runs meanwhile.
_POLL_SECONDS = 0.005


class SessionHost(SshHost):
    """Runs commands one after the other in one session, which also forwards sockets; a session that is lost is opened again."""

    def __init__(self, name: str, login: Login, sockets: Path, *, clock: Clock, forwards: Collection[str] = ()) -> None:
        """`forwards` are sockets of the host that will be asked for."""
        super().__init__(name, login, sockets, clock=clock)
        self._using = threading.RLock()
        self._session: _Session | None = None
        # Sockets of this machine, by the socket of the host that they lead to.
        self._ways = {path: self._new_way() for path in forwards}

    def begin(self) -> None:
        """Log in, without waiting for it; what goes wrong is told by the first command."""
        with self._using, contextlib.suppress(HostError):
            self._living()

    def forwarded(self, path: str) -> Path:
        """Return a unix socket of this machine that leads to one of the host, as the user who logs in; raises HostError.

        It lasts as long as the session. Nothing runs on the host for it (sshd: AllowStreamLocalForwarding).
        """
        with self._using:
            if path not in self._ways:
                self._ways[path] = self._new_way()
                self._session = None
            session = self._living()
            ends = self.clock.monotonic() + 2 * CONNECT_SECONDS
            while not self._ways[path].exists():
                if session.ended or self.clock.monotonic() > ends:
                    raise self._lost(session.complaint())
                self.clock.sleep(_POLL_SECONDS)
        return self._ways[path]

    def _ask(self, command: str, stdin: bytes, timeout: float, longest: int) -> Answer:
        """Send a command and its input, each as one line: no argument on this machine holds them."""
        with self._using:
            session = self._living()
            try:
                return session.ask(command, stdin, self.clock.monotonic() + timeout, self.clock, longest)
            # A session in the middle of a command cannot be used again: its next line would be that command's input or answer.
            except BaseException:
                session.end()
                raise

    def _new_way(self) -> Path:
        return self._sockets / f"s-{secrets.token_hex(8)}"

    def _living(self) -> _Session:
        """Return the session, or a new one where there is none any more."""
        if self._session is None or self._session.ended:
            for way in self._ways.values():
                way.unlink(missing_ok=True)
            forward = [word for path, way in self._ways.items() for word in ("-L", f"{way}:{path}")]
            # The first word counts (ssh_config(5)); a port of the person's own that is taken ends nothing.
            forward += ["-o", "ClearAllForwardings=no", "-o", "ExitOnForwardFailure=no"] if forward else []
            try:
                # No shared connection: its forwardings would outlive this session.
                self._session = _Session([self._ssh[0], "-o", "ControlPath=none", *forward, *self._ssh[1:]], self._root)
            except OSError as error:
                raise refusals.not_started(self.name, error) from error
        return self._session


class _Session:
    """One process of ssh, and the loop on the host that it talks to."""

    def __init__(self, ssh: list[str], root: list[str]) -> None:
        # Random for each session: the output of a command cannot contain it, by chance or on purpose.
        self._mark = secrets.token_hex(16)
        line = login_line([*root, "sh", "-c", _LOOP.format(mark=self._mark, path=SYSTEM_PATH)])
        self._begun = False
        # A group of its own: Ctrl-C on a terminal is for the tool, which decides what is still to be done on the host.
        self._process = subprocess.Popen(
            [*ssh, line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        self._output, self._errors = bytearray(), bytearray()
        self.end = weakref.finalize(self, _end, self._process)

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return not self.end.alive or self._process.poll() is not None

    def complaint(self) -> str:
        """End it, and return what it said."""
        self._process.kill()
        _, errors = self._process.communicate()
        return errors.decode(errors="replace")

    def ask(self, command: str, stdin: bytes, ends: float, clock: Clock, longest: int) -> Answer:
        """Return the answer to one command; a session that ends meanwhile answers as ssh does.

        Raises TimeoutError, and TooLongError where it has more than `longest` bytes.
        """
        self._output, self._errors = bytearray(), bytearray()
        escaped = command.encode().replace(b"\\", rb"\\").replace(b"\n", rb"\n")  # as printf %b reads it
        lines = escaped + b"\n" + base64.b64encode(stdin) + b"\n"
        code: int | None = None
        with contextlib.suppress(BrokenPipeError):
            pipe_of(self._process.stdin).write(lines)
            pipe_of(self._process.stdin).flush()
        # Both at once: a command that fills one pipe while the other is read would wait for ever.
        with selectors.DefaultSelector() as ready:
            for pipe, into in ((self._process.stdout, self._output), (self._process.stderr, self._errors)):
                ready.register(pipe_of(pipe), selectors.EVENT_READ, into)
            # Both streams are read to their marks: what is left in a pipe would be taken for the answer to the next command.
            while ready.get_map() and (code is None or not self._errors.endswith(self._end_of_errors)):
                left = ends - clock.monotonic()
                found = ready.select(max(0.0, left))
                if not found and left <= 0:
                    raise TimeoutError
                for key, _ in found:
                    chunk = os.read(key.fd, 1 << 16)
                    key.data.extend(chunk)
                    require_shorter(key.data, longest)
                    if not chunk:
                        ready.unregister(key.fileobj)
                code = self._code() if code is None else code
        # A session without a code has ended, or is about to; its end is seen here, so that the next command opens another.
        ended = LOST if code is not None else self._process.wait()
        output, errors = bytes(self._output), bytes(self._errors).removesuffix(self._end_of_errors)
        if not self._begun:
            mark = f"begun-{self._mark}\n".encode()
            first_output, first_errors = after_mark(output, mark), after_mark(errors, mark)
            if first_output is None or first_errors is None:
                # sudo that asks for a password ends before the loop begins, and so does a login that is none.
                return Answer(ended, output, errors, begun=False)
            output, errors, self._begun = first_output, first_errors, True
        return Answer(LOST if code is None else code, output, errors)

    @property
    def _end_of_errors(self) -> bytes:
        return f"\n{self._mark}\n".encode()

    def _code(self) -> int | None:
        """Return what the command ended with, once that is there, and take it off the output."""
        before, mark, after = self._output.rpartition(f"\n{self._mark} ".encode())
        if not mark or not after.endswith(b"\n"):
            return None
        self._output = before
        return int(after) if after.strip().isdigit() else LOST


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError):  # what was not sent yet is not sent any more
            pipe_of(pipe).close()
