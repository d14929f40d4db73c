"""Run a program with an end to its time and to what it may print: a host that prints without end must not fill this machine."""

from __future__ import annotations

import os
import selectors
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from migrator.errors import HostError

if TYPE_CHECKING:
    from migrator.ports import Clock

LONGEST_ANSWER = 64 << 20
"""Bytes that a command may print; kubeadm and the kubelet's journal print some hundred KiB."""
LONGEST_FILE = 16 << 30
"""Bytes of a file that is read: twice the largest database that etcd's documentation advises."""
_CHUNK = 1 << 16


class TooLongError(Exception):
    """A program prints more than it may; whoever knows its name says so."""


def require_shorter(content: bytearray, longest: int) -> None:
    """Raise TooLongError where a program has printed more than it may."""
    if len(content) > longest:
        raise TooLongError


def pipe_of(pipe: IO[bytes] | None) -> IO[bytes]:
    """Return a pipe of a program that was started with it."""
    if pipe is None:
        raise HostError("no pipe to ssh")
    return pipe


def run(command: Sequence[str], stdin: bytes, *, ends: float, clock: Clock, longest: int) -> subprocess.CompletedProcess[bytes]:
    """Return what a program ended with and printed.

    Raises TimeoutError at `ends` of the clock, TooLongError where it prints more than `longest` bytes: it is killed then, and
    what it has started is not waited for. Raises OSError where it does not start.
    """
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            output, errors = _exchange(process, memoryview(stdin), ends, clock, longest)
            code = process.wait(max(0.0, ends - clock.monotonic()))
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise TimeoutError from error
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, code, output, errors)


def _exchange(process: subprocess.Popen[bytes], stdin: memoryview, ends: float, clock: Clock, longest: int) -> tuple[bytes, bytes]:
    """Send and receive at once, or a full pipe in one direction would stop the other, until both outputs are closed."""
    given, printed, complained = map(pipe_of, (process.stdin, process.stdout, process.stderr))
    received = {printed.fileno(): bytearray(), complained.fileno(): bytearray()}
    os.set_blocking(given.fileno(), False)
    with selectors.DefaultSelector() as ready:
        ready.register(given, selectors.EVENT_WRITE)
        for pipe in (printed, complained):
            ready.register(pipe, selectors.EVENT_READ)
        while ready.get_map():
            found = ready.select(max(0.0, ends - clock.monotonic()))
            if not found:
                raise TimeoutError
            for key, _ in found:
                if key.fd in received:
                    chunk = os.read(key.fd, _CHUNK)
                    received[key.fd] += chunk
                    require_shorter(received[key.fd], longest)
                    if not chunk:
                        ready.unregister(key.fileobj)
                    continue
                # A program that reads no more says why with what it ends with.
                sent = len(stdin)
                with suppress(BrokenPipeError):
                    sent = os.write(key.fd, stdin[:_CHUNK])
                stdin = stdin[sent:]
                if not stdin:
                    ready.unregister(given)
                    given.close()
    return bytes(received[printed.fileno()]), bytes(received[complained.fileno()])
