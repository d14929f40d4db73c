"""What a pass keeps of a folder that held data already, so that all of its changes can be taken back.

A folder for one switch holds a folder for each pass: the list of the target as it was before the pass, and for each run of rsync
what it has overwritten or deleted. A file is found by its digest, so that it does not matter which run has moved it away.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

from migrator.volumes.agent.compare import root_digest
from migrator.volumes.agent.entries import Entry
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.memory import Memory
from migrator.volumes.agent.restore import RestoreError, restore
from migrator.volumes.agent.users import users

_LIST = "before"


class UndoLog:
    """The folder for one switch."""

    def __init__(self, folder: str, users_of: Callable[[str], list[str]] = users) -> None:
        """Take the folder, and what tells who uses a path."""
        self.folder = folder
        self._users_of = users_of

    @property
    def passes(self) -> list[int]:
        """The passes that were begun, in their order."""
        return [number for number in _numbers(self.folder) if os.path.exists(self._memory(number).path(_LIST))]

    @property
    def open(self) -> int:
        """The pass that has changed something and has not ended; 0: none."""
        return next((number for number in self.passes if not self._has(number, "done") and not self._has(number, "undone")), 0)

    def begin(self, before: str, exclude: str = "") -> None:
        """Keep the target's list before the first change of a pass; one that goes on with an earlier one keeps the earlier list.

        `before` is the file of a list that a `Memory` has written.
        """
        if self.open:
            return
        number = max(_numbers(self.folder), default=0) + 1
        os.makedirs(self._path(number), mode=0o700)
        memory = self._memory(number)
        memory.bind(exclude=exclude)
        new = memory.path(f"{_LIST}.new")
        shutil.copyfile(before, new)
        _synced(new)
        memory.settle(_LIST)
        _synced(self._path(number))

    def backup(self) -> str:
        """Return a new folder for what one run of rsync overwrites or deletes."""
        inside = self._path(self.open)
        path = f"{inside}/{max(_numbers(inside), default=0) + 1}"
        os.mkdir(path, 0o700)
        return path

    def close(self) -> None:
        """Note that the pass is whole."""
        if number := self.open:
            self._mark(number, "done")

    def take_back(self, root: str, *, everything: bool, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
        """Put back what the open pass has changed, or `everything` since the switch; done twice it is done once.

        Raises RestoreError, TreeError, ListError or OSError.
        """
        numbers = self.passes
        first = min(numbers, default=0) if everything else self.open
        if not first:
            return {"undone": 0, "digest": ""}
        if using := self._users_of(root):
            raise RestoreError(f"{root} is in use: {using[0]}")
        later = [number for number in numbers if number >= first]
        backups = [f"{self._path(number)}/{run}" for number in later for run in _numbers(self._path(number))]
        say("taking back what a broken pass has changed" if not everything else "taking back all passes since the switch")
        exclude = Exclude.of(self._memory(first).binding.exclude)
        count = restore(root, lambda: self._before(first), backups, exclude)
        for number in later:
            self._mark(number, "undone")
        return {"undone": count, "digest": root_digest(self._before(first))}

    def forget(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _before(self, number: int) -> Iterator[Entry]:
        return self._memory(number).entries(_LIST)

    def _memory(self, number: int) -> Memory:
        return Memory(self._path(number))

    def _path(self, number: int) -> str:
        return f"{self.folder}/{number}"

    def _has(self, number: int, mark: str) -> bool:
        return os.path.exists(f"{self._path(number)}/{mark}")

    def _mark(self, number: int, mark: str) -> None:
        path = f"{self._path(number)}/{mark}"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        _synced(path)
        _synced(self._path(number))


def _numbers(folder: str) -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir(folder) if name.isdigit())
    except FileNotFoundError:
        return []


def _synced(path: str) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
