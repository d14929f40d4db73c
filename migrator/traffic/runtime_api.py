"""HAProxy's Runtime API over its unix socket: one command, one answer, and every unexpected answer is an error.

Source: HAProxy management guide, section 9.3. HAProxy has no codes: a command that changes something succeeded when the
answer is empty, and an answer is whole when an empty line ends it.
"""

from __future__ import annotations

import socket
from pathlib import Path

from migrator.errors import TrafficError
from migrator.ports import Clock
from migrator.untrusted import printable

_SECONDS = 5.0
_MOST_BYTES = 64 << 20
_WORDS_LIMIT = 200
_HINTS = {
    "Permission denied": "`stats socket` needs `level admin`",
    "static LB algorithm": "`balance roundrobin` or `leastconn`, or `hash-type consistent`, and a reload",
}


class RuntimeApi:
    """One socket of one HAProxy."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def show(self, command: str, *, begins: str) -> str:
        """Return the answer to a command that only reads; raises TrafficError unless it begins like this and is whole."""
        answer = self._ask(command)
        if not answer.startswith(begins):
            raise unexpected(command, answer)
        if answer != "\n" and not answer.endswith("\n\n"):
            raise TrafficError(
                f"haproxy: `{command}`: the answer was cut off after {len(answer)} characters",
                hint="was HAProxy reloaded? run it again",
            )
        return answer

    def tell(self, command: str) -> None:
        """Send a command that changes something; raises TrafficError with HAProxy's words when the answer is not empty."""
        answer = self._ask(command)
        if answer.strip():
            raise unexpected(command, answer)
        if not answer:
            raise TrafficError(
                f"haproxy: `{command}`: no answer, so nobody knows whether it was done", hint="was HAProxy reloaded?"
            )

    def _ask(self, command: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                return self._exchange(connection, command)
        except FileNotFoundError as error:
            raise TrafficError(f"haproxy: {self._path}: no such socket", hint="is HAProxy running, with `stats socket`?") from error
        except PermissionError as error:
            raise TrafficError(
                f"haproxy: {self._path}: no permission",
                hint="run as a user of its group, or set `mode` and `group` on `stats socket`",
            ) from error
        except ConnectionRefusedError as error:
            raise TrafficError(f"haproxy: {self._path}: nobody listens", hint="is HAProxy running?") from error
        except TimeoutError as error:
            raise TrafficError(
                f"haproxy: `{command}`: no whole answer within {_SECONDS:g} s", hint="is HAProxy stopped, or very busy?"
            ) from error
        except OSError as error:
            raise TrafficError(f"haproxy: {self._path}: {error}", hint="is HAProxy running?") from error

    def _exchange(self, connection: socket.socket, command: str) -> str:
        ends = self._clock.monotonic() + _SECONDS
        connection.settimeout(_SECONDS)
        connection.connect(str(self._path))
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


def unexpected(command: str, answer: str) -> TrafficError:
    """Return the error that quotes what HAProxy said to a command."""
    words = printable(" ".join(answer.split())) or "an empty answer"
    hint = next((cure for mark, cure in _HINTS.items() if mark in words), "")
    return TrafficError(f"haproxy: `{command}`: {words[:_WORDS_LIMIT]}", hint=hint)
