"""Signals that ask this process to end: ^C, SIGQUIT, SIGTERM, and SIGHUP of a terminal that is closed."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# SIGQUIT: who was told that ^C is noted takes it next, which would leave a cutover, or its undo, in the middle.
_ASK_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_LATER = b"migrator: %s: what was begun is being taken back; this ends by itself\n"


class Signals:
    """Fills the `Interruptions` port. A signal raises KeyboardInterrupt with its name, unless it is held back."""

    def __init__(self) -> None:
        self._held = False
        # Whether the next signal interrupts although signals are held back.
        self._through = False
        self._noted = ""
        # Whether there is nothing left that a signal could interrupt.
        self._over = False

    @contextmanager
    def handled(self, *, last: bool = False) -> Iterator[None]:
        """Handle the signals while the context is open, in the main thread; one that is ignored stays so (nohup).

        After the `last` context of a process they are ignored: the exit code tells what was done, and Python, which takes its
        handlers away at its end, would let a second ^C replace it by "killed".
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in _ASK_TO_END}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._handle)
        try:
            yield
        finally:
            self._over = True
            for number, handler in before.items():
                signal.signal(number, signal.SIG_IGN if last else handler)
            self._over = False

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """While the context is open, only note signals; one that was noted interrupts at the end, unless an error does."""
        self._through, self._noted, self._held = False, "", True
        try:
            yield
        finally:
            self._held = False
        if self._noted:
            raise KeyboardInterrupt(self._noted)

    @contextmanager
    def let_through(self) -> Iterator[None]:
        """Within `held_back`, let one signal interrupt what is inside; none is lost between it and what handles it."""
        self._through = True
        try:
            yield
        finally:
            self._through = False

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._over:
            return
        name = signal.Signals(number).name
        if self._held and not self._through:
            self._noted = name
            # No buffer, whose writer the signal may have interrupted; and the terminal may be gone.
            with contextlib.suppress(OSError):
                os.write(2, _LATER % name.encode())
            return
        self._through = False
        raise KeyboardInterrupt(name)


SIGNALS = Signals()
"""The process has one way to be told."""
