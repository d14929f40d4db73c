"""Run a program whose output is used: within a time, and no more of it than a limit."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from pathlib import Path

from migrator.adapters.clock import SystemClock
from migrator.errors import CommandFailedError
from migrator.untrusted import printable

_CHUNK = 65536
_CLOCK = SystemClock()
# How often is asked whether a program has ended that does not end its output.
_LOOK_SECONDS = 0.05


def run_limited(command: tuple[str, ...], *, seconds: float, most: int, folder: Path) -> str:
    """Return what a program prints; what it started has ended with it. It gets no input, and no shell sees its arguments.

    Raises CommandFailedError when it fails, takes too long, or prints more than `most` bytes. The error names the program
    only, and quotes what it said as text without control characters.
    """
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, cwd=folder
        )
    except (OSError, ValueError) as error:
        raise CommandFailedError(command[0], 127, getattr(error, "strerror", "") or str(error)) from error
    try:
        output, complaint = _collect(child, command[0], _CLOCK.monotonic() + seconds, seconds, most)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe:
                pipe.close()
    if child.returncode:
        raise CommandFailedError(command[0], child.returncode, printable((complaint or output).decode(errors="replace").strip()))
    return output.decode(errors="replace")


def _collect(child: subprocess.Popen[bytes], name: str, ends: float, seconds: float, most: int) -> tuple[bytes, bytes]:
    """Read both outputs until the program has ended."""
    kept = {"output": bytearray(), "complaint": bytearray()}
    with selectors.DefaultSelector() as selector:
        for pipe, what in ((child.stdout, "output"), (child.stderr, "complaint")):
            if pipe:
                selector.register(pipe, selectors.EVENT_READ, what)
        while selector.get_map():
            left = ends - _CLOCK.monotonic()
            over = child.poll() is not None
            ready = selector.select(0.0 if over else max(min(left, _LOOK_SECONDS), 0.0))
            if over and not ready:
                break  # what it has left in the background holds its output open
            if left <= 0:
                raise CommandFailedError(name, 124, f"not done within {seconds:g} s")
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                kept[key.data] += chunk
                if len(kept[key.data]) > most:
                    raise CommandFailedError(name, 1, f"it prints more than {most} bytes")
    try:
        child.wait(max(ends - _CLOCK.monotonic(), 0.0))
    except subprocess.TimeoutExpired as error:
        raise CommandFailedError(name, 124, f"not done within {seconds:g} s") from error
    return bytes(kept["output"]), bytes(kept["complaint"])
