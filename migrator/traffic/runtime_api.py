"""HAProxy's Runtime API over a unix socket or TCP: every unexpected answer is an error.

Source: HAProxy management guide, section 9.3. HAProxy has no codes: a command that changes something succeeded when the
answer is empty, and an answer is whole when an empty line ends it.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from migrator.errors import HostError, ReloadedError, TrafficError
from migrator.untrusted import printable

if TYPE_CHECKING:
    from migrator.ports import Clock

# A command takes milliseconds; HAProxy stops to answer when it is stopped (SIGSTOP) or its threads hang.
_SECONDS = 5.0
# An address of a host that is gone answers nothing at all.
_CONNECT_SECONDS = 2.0
_POLL_SECONDS = 0.005
# `show servers state` of ten thousands of servers has some MiB.
_MOST_BYTES = 64 << 20
_WORDS_LIMIT = 200
_EMPTY = "an empty answer"
_HINTS = {
    _EMPTY: "was HAProxy reloaded? Over SSH: is the socket there, and do its mode and sshd (AllowStreamLocalForwarding) allow it?",
    "Unknown command": "is it the socket of the master process (-S)? Name that of `stats socket`",
    "Permission denied": "`stats socket` needs `level admin`",
    "static LB algorithm": "`balance roundrobin` or `leastconn`, or `hash-type consistent`, and a reload",
}


class Endpoint(Protocol):
    """Where the Runtime API of one HAProxy listens."""

    def connect(self, seconds: float) -> socket.socket:
        """Return a connection; raises OSError, and HostError where the way to it is a host that is not reached."""


class UnixSocket:
    """A socket of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def connect(self, seconds: float) -> socket.socket:
        """Connect to it."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        try:
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        return connection


class ForwardedSocket:
    """A socket of another machine, reached by one of this machine that leads there for a while."""

    def __init__(self, forward: Callable[[], Path], name: str, clock: Clock) -> None:
        self._forward = forward
        self._name = name
        self._clock = clock
        self._way: Path | None = None

    def __str__(self) -> str:
        return self._name

    def connect(self, seconds: float) -> socket.socket:
        """Connect to it, by a new way where the last one does not lead there any more."""
        if self._way is not None:
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                return UnixSocket(self._way).connect(seconds)
        ends = self._clock.monotonic() + _CONNECT_SECONDS
        while True:
            self._way = self._forward()
            try:
                return UnixSocket(self._way).connect(seconds)
            except ConnectionRefusedError:
                # A socket is there before ssh listens on it (bind(2), then listen(2)).
                if self._clock.monotonic() >= ends:
                    raise
            self._clock.sleep(_POLL_SECONDS)


class TcpAddress:
    """An address of the network."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)

    def __str__(self) -> str:
        return f"{self._place[0]} port {self._place[1]}"

    def connect(self, seconds: float) -> socket.socket:
        """Connect to it, within a short time: who is there answers at once."""
        return socket.create_connection(self._place, timeout=min(seconds, _CONNECT_SECONDS))


class RuntimeApi:
    """The Runtime API of one HAProxy."""

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock

    def show(self, command: str, *, begins: str) -> str:
        """Return the answer to a command that only reads; raises TrafficError unless it begins like this and is whole."""
        return _whole(command, self._ask(command), begins)

    def show_both(self, first: str, second: str, *, begins: tuple[str, str]) -> tuple[str, str]:
        """Return the answers to two commands that only read, in one round trip; raises TrafficError as `show` does."""
        both = self._ask(f"{first};{second}")
        # The last place: what a health check has answered, which others decide, may stand in the first answer.
        head, mark, tail = both.rpartition(f"\n\n{begins[1]}")
        if not mark:  # which of them is refused, and why, is told when each is asked alone
            return self.show(first, begins=begins[0]), self.show(second, begins=begins[1])
        return _whole(first, f"{head}\n\n", begins[0]), _whole(second, begins[1] + tail, begins[1])

    def require_admin(self) -> None:
        """Raise TrafficError when the socket's level changes nothing: `show cli level` tells it from HAProxy 1.9 on."""
        level = self.show("show cli level", begins="").strip()
        if level in ("user", "operator"):
            raise TrafficError(f"haproxy: {self._endpoint}: its level is {level}", hint=_HINTS["Permission denied"])

    def tell(self, *commands: str) -> None:
        """Send commands that change something; raises TrafficError with HAProxy's words when an answer is not empty.

        HAProxy goes on with the next one after one that it has refused.
        """
        line = ";".join(commands)
        answer = self._ask(line)
        if answer.strip():
            raise unexpected(line, answer)
        # Each command that succeeds is answered by a line break at least.
        if len(answer) < len(commands):
            raise ReloadedError(f"haproxy: `{line}`: no answer, so nobody knows whether it was done", hint="was HAProxy reloaded?")

    def _ask(self, command: str) -> str:
        try:
            with self._endpoint.connect(_SECONDS) as connection:
                return self._exchange(connection, command)
        except FileNotFoundError as error:
            raise TrafficError(
                f"haproxy: {self._endpoint}: no such socket", hint="is HAProxy running, with `stats socket`?"
            ) from error
        except PermissionError as error:
            raise TrafficError(
                f"haproxy: {self._endpoint}: no permission",
                hint="run as a user of its group, or set `mode` and `group` on `stats socket`",
            ) from error
        except ConnectionRefusedError as error:
            raise TrafficError(f"haproxy: {self._endpoint}: nobody listens", hint="is HAProxy running?") from error
        except TimeoutError as error:
            raise TrafficError(
                f"haproxy: `{command}`: no whole answer within {_SECONDS:g} s", hint="is HAProxy stopped, or very busy?"
            ) from error
        except HostError as error:
            raise TrafficError(f"haproxy: {self._endpoint}: {error.message}", hint=error.hint) from error
        except OSError as error:
            kind = ReloadedError if isinstance(error, ConnectionError) else TrafficError
            raise kind(f"haproxy: {self._endpoint}: {printable(str(error))}", hint="is HAProxy running?") from error

    def _exchange(self, connection: socket.socket, command: str) -> str:
        ends = self._clock.monotonic() + _SECONDS
        connection.settimeout(_SECONDS)
        # Without `prompt` first: HAProxy closes the connection after one line, so the end of the stream is the end of the answer.
        connection.sendall(command.encode() + b"\n")
        answer = bytearray()
        while chunk := connection.recv(65536):
            answer += chunk
            left = ends - self._clock.monotonic()
            if left <= 0:
                raise TimeoutError
            if len(answer) > _MOST_BYTES:
                raise TrafficError(f"haproxy: `{command}`: the answer is longer than {_MOST_BYTES >> 20} MiB")
            connection.settimeout(left)
        return answer.decode(errors="replace")


def _whole(command: str, answer: str, begins: str) -> str:
    if not answer.startswith(begins):
        raise unexpected(command, answer)
    if answer != "\n" and not answer.endswith("\n\n"):
        raise ReloadedError(
            f"haproxy: `{command}`: the answer was cut off after {len(answer)} characters",
            hint="was HAProxy reloaded? run it again",
        )
    return answer


def unexpected(command: str, answer: str) -> TrafficError:
    """Return the error that quotes what HAProxy said to a command."""
    words = printable(" ".join(answer.split())) or _EMPTY
    hint = next((hint for mark, hint in _HINTS.items() if mark in words), "")
    kind = ReloadedError if words == _EMPTY else TrafficError
    return kind(f"haproxy: `{command}`: {words[:_WORDS_LIMIT]}", hint=hint)
