"""Standard output and standard error that may end or stand still: a full disk, a reader that is gone, a terminal that is stopped.

What the tool does must not depend on who reads its words: a rollback whose first line cannot be written still moves the traffic.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# As much as Linux takes at once from a pipe that says that it has room (pipe(7), PIPE_BUF).
_PIECE = 4096
_PATIENCE_SECONDS = 1.0
_LEFT_OUT = b"\n(output was held up: lines are missing here)\n"


class LastingOutput(io.RawIOBase):
    """Takes all that is written; what the descriptor does not take is dropped, and the first error is kept in `lost`.

    A reader that takes nothing for `patience` seconds is not waited for: lines are left out until it reads again.
    With None it is waited for without end.
    """

    def __init__(self, descriptor: int, *, patience: float | None) -> None:
        self.lost: OSError | None = None
        self._descriptor = descriptor
        self._patience_ms = None if patience is None else round(patience * 1000)
        self._held_up = False

    def writable(self) -> bool:
        """Return that it takes bytes."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether a terminal is behind it."""
        return os.isatty(self._descriptor)

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of it, or drop the rest; return its length in bytes."""
        left = memoryview(data).cast("B")
        length = len(left)
        try:
            while left and self.lost is None and self._has_room():
                left = left[self._put(left[:_PIECE]) :]
        except OSError as error:
            self.lost = error
        return length

    def _put(self, piece: ReadableBuffer) -> int:
        if self._held_up:
            self._held_up = False
            os.write(self._descriptor, _LEFT_OUT)
        try:
            return os.write(self._descriptor, piece)
        except BlockingIOError:
            # Another program has set the terminal to answer at once (O_NONBLOCK is shared by all that have it open).
            return 0

    def _has_room(self) -> bool:
        """Wait until the descriptor takes something; return whether it does."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        if not poll.poll(0 if self._held_up else self._patience_ms):
            self._held_up = True
        return not self._held_up or bool(poll.poll(0))


class Streams:
    """Both streams of the process, as they last until its end."""

    def __init__(self) -> None:
        self._output: LastingOutput | None = None

    def install(self) -> None:
        """Put lasting streams in place of `sys.stdout` and `sys.stderr`; streams that a test has put there stay."""
        _open_closed()
        if sys.stdout is None or isinstance(sys.stdout, io.TextIOWrapper):
            # A pager may take its time; a terminal that takes nothing is stopped (^S).
            self._output = LastingOutput(1, patience=_PATIENCE_SECONDS if os.isatty(1) else None)
            sys.stdout = _text(self._output, sys.stdout)
        if sys.stderr is None or isinstance(sys.stderr, io.TextIOWrapper):
            sys.stderr = _text(LastingOutput(2, patience=_PATIENCE_SECONDS), sys.stderr)

    def lost(self) -> OSError | None:
        """Write what is still held, and return why standard output did not take the result, or None when it did."""
        if self._output is None:
            return None
        sys.stdout.flush()
        return self._output.lost


STREAMS: Final = Streams()


def reader_is_gone(error: OSError) -> bool:
    """Return whether the reader has ended, as `head` does; nobody misses the rest then."""
    return error.errno == errno.EPIPE


def _open_closed() -> None:
    """Open the null device where a standard descriptor is closed, so that no file, the journal least of all, takes its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _text(raw: LastingOutput, before: TextIO | None) -> io.TextIOWrapper:
    encoding = before.encoding if before is not None else "utf-8"
    # A terminal of another encoding shows what it cannot print as escapes.
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=raw.isatty() or raw.fileno() == 2
    )
