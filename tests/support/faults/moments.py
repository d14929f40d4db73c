"""Counts what a verb does, and acts at the moment that was drawn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from tests.support.faults.plan import Counted

_LOOK_SECONDS = 0.002


class Moments:
    """Counts requests, commands and lines; runs an action once, when the awaited count of one of them is reached."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(Counted, 0)
        self._counting = threading.Lock()
        self._awaited: tuple[Counted | None, int, Callable[[], None]] | None = None

    def await_count(self, counted: Counted | None, count: int, action: Callable[[], None]) -> None:
        """Run the action at the `count`th from now; None: of anything. A named one begins all counts anew."""
        with self._counting:
            if counted is not None:
                self.counts = dict.fromkeys(Counted, 0)
            self._awaited = (counted, count, action)

    def forget(self) -> None:
        """Run no action any more."""
        with self._counting:
            self._awaited = None

    def tick(self, what: Counted) -> None:
        """Count one. The action runs here, before what is counted goes on."""
        with self._counting:
            self.counts[what] += 1
            if self._awaited is None or self._awaited[0] not in (what, None):
                return
            counted, left, action = self._awaited
            self._awaited = (counted, left - 1, action) if left > 1 else None
            if left > 1:
                return
        action()


class Lines:
    """Counts the lines of a journal, those that are there and those that come."""

    def __init__(self, journal: Path, moments: Moments) -> None:
        self._journal = journal
        self._moments = moments
        self._done = threading.Event()
        self._place = 0
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop counting."""
        self._done.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._done.wait(_LOOK_SECONDS):
            if not self._journal.exists():
                continue
            with self._journal.open("rb") as file:
                file.seek(self._place)
                new = file.read().partition(b"\0")[0]  # zeros are room that is reserved for later lines
            self._place += len(new)
            for _ in range(new.count(b"\n")):
                self._moments.tick(Counted.LINE)
