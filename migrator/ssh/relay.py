"""A port of one host led to another host through this machine, where the two do not reach each other: two sessions of OpenSSH.

The host that pulls gets a port on its loopback (`ssh -R`), this machine a unix socket that nobody else may open, and the other
host is asked for its own loopback (`ssh -L`). What goes through is encrypted by the two hosts between themselves besides.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import shlex
import socket
import subprocess
import threading
from pathlib import Path
from typing import IO

from migrator.adapters.temporary import memory_file
from migrator.errors import HostError
from migrator.ports import Clock, RelayEnd
from migrator.ssh.host import CONNECT_SECONDS

_LOOPBACK = "127.0.0.1"
# Ten beats may be lost: a busy machine must not cost a pass its line.
_BEAT_SECONDS, _SILENCE_SECONDS = 2.0, 20
_UP = b"up\n"
# Ends the host's side of a session that hears nothing from here, which would keep the port for a quarter of an hour.
# Where this program has ended, its input ends: then what goes through just now may go on, since `ssh` waits for it.
_WATCH = f"""import os, select, sys
print("up", flush=True)
while select.select([0], [], [], {_SILENCE_SECONDS})[0]:
    if not os.read(0, 99):
        sys.exit()
os.kill(os.getppid(), 15)
"""
_ALLOWED = "its sshd must allow it: AllowTcpForwarding yes (`sshd -T | grep -i forward` there tells)"


class SshRelay:
    """Fills the port `Relay`."""

    def __init__(self, sockets: Path, clock: Clock) -> None:
        self._sockets, self._clock = sockets, clock

    def open(self, source: RelayEnd, target: RelayEnd) -> _Way:
        """Lead the target's port on its loopback to the source's, and keep it so until it is closed; raises HostError."""
        path = self._sockets / f"r-{secrets.token_hex(8)}"
        legs = (
            _Leg(source, ("-L", f"{path}:{_LOOPBACK}:{source.port}")),
            _Leg(target, ("-R", f"{_LOOPBACK}:{target.port}:{path}")),
        )
        way = _Way(legs, path)
        try:
            for leg in legs:
                leg.start()
                leg.await_up(self._clock)
            _require_server(source, path)
        except BaseException:
            way.close()
            raise
        way.keep()
        return way


class _Way:
    """Two sessions that are begun again when they end, until they are closed."""

    def __init__(self, legs: tuple[_Leg, ...], path: Path) -> None:
        self._legs, self._path = legs, path
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def keep(self) -> None:
        """Watch the sessions from now on."""
        self._keeper.start()

    def close(self) -> None:
        """End them."""
        self._over.set()
        if self._keeper.ident:
            self._keeper.join()
        for leg in self._legs:
            leg.end()
        self._path.unlink(missing_ok=True)

    def _keep(self) -> None:
        while not self._over.wait(_BEAT_SECONDS):
            for leg in self._legs:
                leg.beat()


class _Leg:
    """One session of ssh with one forwarding."""

    def __init__(self, end: RelayEnd, forward: tuple[str, str]) -> None:
        self._end = end
        # No shared connection: its forwardings would end only with it. Unlink: a killed session leaves its socket behind.
        options = ("ControlPath=none", "ClearAllForwardings=no", "ExitOnForwardFailure=yes", "StreamLocalBindUnlink=yes")
        words = [word for text in options for word in ("-o", text)]
        self._command = [end.login[0], *words, *forward, *end.login[1:], shlex.join(["exec", "python3", "-c", _WATCH])]
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] = memory_file()

    def start(self) -> None:
        """Begin it, without waiting for it."""
        self._complaints.seek(0)
        self._complaints.truncate()
        # A session of its own: Ctrl-C is for the tool.
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints, start_new_session=True
        )

    def await_up(self, clock: Clock) -> None:
        """Wait until the forwarding stands; raises HostError."""
        process = self._process
        assert process is not None  # noqa: S101 - it was started
        assert process.stdout is not None  # noqa: S101 - with a pipe
        ends, said = clock.monotonic() + 2 * CONNECT_SECONDS, b""
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            while not said.endswith(_UP):
                left = ends - clock.monotonic()
                chunk = os.read(process.stdout.fileno(), 99) if left > 0 and ready.select(left) else b""
                if not chunk:
                    raise HostError(f"{self._end.name}: no relay through this machine: {self._complaint()}", hint=_ALLOWED)
                said += chunk

    def beat(self) -> None:
        """Tell the host that this program is there, or begin the session again where it has ended."""
        process = self._process
        if process is None or process.poll() is not None:
            self.end()
            self.start()
            return
        with contextlib.suppress(OSError):  # it is about to end
            assert process.stdin is not None  # noqa: S101 - it was started with a pipe
            process.stdin.write(b"\n")
            process.stdin.flush()

    def end(self) -> None:
        """End the session."""
        if not self._process:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what was not sent yet is not sent any more
                if pipe:
                    pipe.close()
        self._process = None

    def _complaint(self) -> str:
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="backslashreplace").strip().splitlines()
        return lines[-1] if lines else "it does not answer"


def _require_server(source: RelayEnd, path: Path) -> None:
    """Raise HostError unless the source's server answers: what its own sshd forbids is seen at the first use only."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(CONNECT_SECONDS)
        try:
            asked.connect(str(path))
            # A server of SSH speaks first (RFC 4253, 4.2).
            greeting = asked.recv(4)
        except OSError:
            greeting = b""
    if greeting != b"SSH-":
        raise HostError(f"{source.name}: no relay through this machine: port {source.port} is not forwarded", hint=_ALLOWED)
