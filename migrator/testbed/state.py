"""A testbed's folder: its state as one JSON file, and the locks that keep two commands apart."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.errors import BlockedError


@dataclass(slots=True, frozen=True)
class StateFolder:
    """What a testbed remembers between commands."""

    folder: Path

    def read(self) -> dict[str, Any]:
        """Return the state; empty when there is none."""
        try:
            return dict(json.loads((self.folder / "state.json").read_text()))
        except (OSError, ValueError):
            return {}

    def write(self, state: dict[str, Any]) -> None:
        """Replace the state at once."""
        partial = self.folder / "state.json.new"
        partial.write_text(json.dumps(state, indent=1))
        partial.replace(self.folder / "state.json")

    def update(self, **values: Any) -> None:
        """Set some keys; safe between threads."""
        with self.recording() as state:
            state.update(values)

    @contextmanager
    def recording(self) -> Iterator[dict[str, Any]]:
        """Give the state to change, alone; it is written at the end."""
        with (self.folder / "record.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            state = self.read()
            yield state
            self.write(state)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands away; raises BlockedError when one is at work."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise BlockedError(f"testbed: {self.folder}: another command is at work on it") from error
            yield
