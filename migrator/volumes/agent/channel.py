"""The side that data goes to: one multiplexed connection to the temporary SSH server of the other host."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import struct
import subprocess
import tempfile
import threading
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from migrator.volumes.agent.entries import LONGEST_LINE, Entry, ListError, from_lines
from migrator.volumes.agent.exclude import Exclude

_UNREACHED = (
    "the hosts of both clusters must reach each other: open that port (volumes.port chooses it), or join "
    "their networks, such as by WireGuard, and name those addresses in the files of volumes.hosts; else volumes.relay: true "
    "brings the data through the machine that migrator runs on"
)
_NOT_RELAYED = "the machine that migrator runs on must stay on and reach both hosts: run this again there, and leave it running"
_GONE = (
    "that host was restarted, or the server was ended there: run this again; if a firewall refuses the port: volumes.port "
    "chooses one to open, and volumes.relay: true needs none"
)
# Short questions about all but what a person leaves out.
_OF_WHAT_COUNTS = ("stamps", "excluded", "attributes")
# Text at its place is longer: no first byte of a line is that small.
_LONGEST_FRAME = 1 << 26
# Bytes. A list is unpacked in such parts: a small frame can hold a thousand times its size, more than this host's memory.
_UNPACKED_PART = 1 << 20


class SourceError(Exception):
    """The other host could not do what it was asked; `lost` tells that the connection failed, so that a retry may help."""

    def __init__(self, message: str, *, lost: bool = False, hint: str = "") -> None:
        super().__init__(message)
        self.lost = lost
        self.hint = hint


@dataclass(frozen=True)
class Line:
    """How the other host is reached."""

    address: str
    port: int
    user: str
    key: str
    """Path of the private key."""
    known_hosts: str
    ciphers: str
    sockets: str
    """Folder for the socket of the connection."""
    relayed: bool = False
    """Whether the address is a port of this host that the operator's machine leads to the other one."""

    @property
    def unreached(self) -> str:
        """What to do where nothing answers."""
        return _NOT_RELAYED if self.relayed else _UNREACHED

    @property
    def ssh(self) -> list[str]:
        """The command without host and request."""
        options = {
            "IdentityFile": self.key,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.known_hosts,
            # Only the key that came over the operator's own SSH is trusted; nobody is asked, since nobody is there.
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "10",
            "ServerAliveInterval": "10",
            "ServerAliveCountMax": "6",
            "LogLevel": "ERROR",
            "Ciphers": self.ciphers,
            # The line is mostly faster than a board's core compresses.
            "Compression": "no",
            # Questions, tar and rsync share one login, which costs a board a second.
            "ControlMaster": "auto",
            "ControlPath": f"{self.sockets}/s",
            "ControlPersist": "20",
        }
        named = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        # Without the host's own settings, which could lead elsewhere.
        return ["ssh", "-F", "none", "-T", "-p", str(self.port), *named, "-l", self.user]

    @property
    def shell(self) -> str:
        """What rsync starts; it takes the line apart itself, at spaces (rsync(1), --rsh)."""
        return " ".join(shlex.quote(word) for word in self.ssh)


class Channel:
    """What the other host can be asked, one question at a time, over one connection."""

    def __init__(self, line: Line, exclude: Exclude | None = None) -> None:
        self.line = line
        self._exclude = (exclude or Exclude()).text.encode()
        self._asking = threading.Lock()
        self._session: subprocess.Popen[bytes] | None = None
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this object

    @property
    def address(self) -> str:
        """Address of the other host."""
        return self.line.address

    @property
    def shell(self) -> str:
        """What rsync starts."""
        return self.line.shell

    def ask(self, word: str) -> Any:
        """Return the answer to a short question; raises SourceError."""
        return self._understood(b"".join(self._frames(word, self._exclude if word in _OF_WHAT_COUNTS else b"")))

    def greet(self) -> None:
        """Connect, and ask nothing; raises SourceError."""
        list(self._frames("hello"))

    def answer(self, word: str, payload: bytes = b"") -> Iterator[bytes]:
        """Yield the parts of a long answer as they come; raises SourceError."""
        return self._frames(word, payload)

    def scan(self) -> Iterator[Entry]:
        """Yield the entries as `lstat` tells them."""
        return self._listed("scan", self._exclude)

    def read(self) -> Iterator[Entry]:
        """Yield the whole entries."""
        return self._listed("read", self._exclude)

    def lines(self, word: str) -> Iterator[bytes]:
        """Yield the lines of the list that `scan` or `read` asks for, as they come."""
        return _lines(self._frames(word, self._exclude))

    def look(self, paths: Iterable[bytes]) -> Iterator[Entry]:
        """Yield the whole entries of these paths."""
        return self._listed("look", b"\0".join(paths))

    def known(self, name: str) -> Iterator[Entry]:
        """Yield a list that the last pass in the other direction has left on that host."""
        return self._listed(f"known-{name}")

    def stream(self, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a stream of the whole tree."""
        return subprocess.Popen(
            [*self.line.ssh, self.address, "tar"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, bufsize=0
        )

    def hang_up(self) -> None:
        """End the session; the next question begins a new one."""
        if self._session:
            self._session.kill()
            self._session.wait()
            self._session = None

    def renew(self, line: Line) -> None:
        """Let the next question make a new connection, by this line; one that was cut may look alive for a minute."""
        self.hang_up()
        if os.path.exists(f"{self.line.sockets}/s"):
            subprocess.run([*self.line.ssh, "-O", "exit", self.address], capture_output=True, stdin=subprocess.DEVNULL, check=False)
        self.line = line

    def close(self) -> None:
        """End the server on the other host, by the session where there is one: a process that starts for it takes its time."""
        if self._session:
            with contextlib.suppress(SourceError):  # it ends with the server
                list(self._frames("close"))
            self.hang_up()
            return
        subprocess.run([*self.line.ssh, self.address, "close"], capture_output=True, stdin=subprocess.DEVNULL, check=False)

    def _listed(self, word: str, payload: bytes = b"") -> Iterator[Entry]:
        return from_lines(_lines(self._frames(word, payload)))

    def _frames(self, word: str, payload: bytes = b"") -> Iterator[bytes]:
        with self._asking:
            whole = False
            try:
                session = self._session = self._session or self._started()
                assert session.stdin is not None  # noqa: S101 - it was started with a pipe
                session.stdin.write(f"{word} {len(payload)}\n".encode() + payload)
                session.stdin.flush()
                while content := self._frame(session):
                    yield content
                outcome = self._understood(self._frame(session))
                whole = True
            except (BrokenPipeError, ConnectionError) as error:
                said = self._complaint()
                if "Connection refused" in said and not self.line.relayed:
                    # It listened when the pass was begun, and nobody starts it again but with another key.
                    raise SourceError(f"the temporary SSH server at {self.address} is gone: {said}", hint=_GONE) from error
                # A relay's end on this host answers, and closes at once where the other end is away.
                hint = self.line.unreached if self.line.relayed or "connect to host" in said else ""
                raise SourceError(f"the connection to {self.address} was lost: {said}", lost=True, hint=hint) from error
            finally:
                if not whole:
                    self.hang_up()
        if not isinstance(outcome, dict):
            raise SourceError(f"{self.address} ends its answer to `{word}` with something else")
        if "error" in outcome:
            raise SourceError(f"{self.address} could not answer `{word}`: {outcome['error']}")

    def _started(self) -> subprocess.Popen[bytes]:
        command = [*self.line.ssh, self.address, "session"]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints)

    def _frame(self, session: subprocess.Popen[bytes]) -> bytes:
        head = self._exactly(session, 4)
        (length,) = struct.unpack(">I", head)
        if length > _LONGEST_FRAME:
            raise SourceError(
                f"{self.address} answers with something else: {head.decode(errors='backslashreplace')!r}...",
                hint="what root's shell reads at its start there prints something (/etc/bash.bashrc, /etc/zsh/zshenv): end that",
            )
        return self._exactly(session, length)

    @staticmethod
    def _exactly(session: subprocess.Popen[bytes], length: int) -> bytes:
        assert session.stdout is not None  # noqa: S101 - it was started with a pipe
        content = session.stdout.read(length)
        if len(content) < length:
            raise ConnectionError
        return content

    def _understood(self, content: bytes) -> Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{self.address} answers with something else: {content[:40]!r}") from error

    def _complaint(self) -> str:
        self._complaints.seek(0)
        return self._complaints.read().decode(errors="backslashreplace").strip()[-300:] or "it says nothing"


def _lines(frames: Iterator[bytes]) -> Iterator[bytes]:
    rest = bytearray()
    for part in _unpacked(frames):
        rest += part
        if b"\n" in part:
            *lines, last = bytes(rest).split(b"\n")
            yield from (line for line in lines if line)
            rest = bytearray(last)
        if len(rest) > LONGEST_LINE:
            raise ListError(f"damaged list: a line of it is longer than {LONGEST_LINE >> 20} MiB")
    if rest:
        yield bytes(rest)


def _unpacked(frames: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what compressed frames hold, in parts of a known length. Raises ListError."""
    unpacked = zlib.decompressobj()
    for content in frames:
        packed = content
        while packed:
            try:
                yield unpacked.decompress(packed, _UNPACKED_PART)
            except zlib.error as error:
                raise ListError(f"damaged list: {error}") from error
            packed = unpacked.unconsumed_tail
    yield unpacked.flush()
