"""What a pass keeps of a block device that held data already, so that all of its changes can be taken back."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from typing import Any

from migrator.volumes.agent import block
from migrator.volumes.agent.restore import RestoreError

_HEAD = struct.Struct("<QI")


class BlockUndo:
    """The folder for one switch: for each pass a file of numbers and chunks as they were, and a mark once it has ended."""

    def __init__(self, folder: str, users_of: Callable[[str], list[str]] = block.users) -> None:
        """Take the folder, and what tells who uses a device."""
        self.folder = folder
        self._users_of = users_of

    @property
    def passes(self) -> list[int]:
        """The passes that were begun, in their order."""
        if not os.path.isdir(self.folder):
            return []
        return sorted(int(name) for name in os.listdir(self.folder) if name.isdigit())

    @property
    def open(self) -> int:
        """The pass that may have changed something and has not ended; 0: none."""
        return next((number for number in self.passes if not (self._has(number, "done") or self._has(number, "undone"))), 0)

    def begin(self) -> None:
        """Open a pass, unless one is open that was cut off: that one goes on, after its last whole record."""
        if not self.open:
            os.makedirs(self._path(max(self.passes, default=0) + 1), mode=0o700)
        elif os.path.exists(path := f"{self._path(self.open)}/chunks"):
            ends = [place + _HEAD.size + len(self._kept(self.open, place)[1]) for place in self._places(self.open)]
            os.truncate(path, max(ends, default=0))

    def keep(self, old: list[tuple[int, bytes]]) -> None:
        """Keep chunks, on disk, before they are overwritten."""
        fd = os.open(f"{self._path(self.open)}/chunks", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(fd, "ab") as file:
            for number, content in old:
                file.write(_HEAD.pack(number, len(content)) + content)
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Note that the pass is whole."""
        if number := self.open:
            self._mark(number, "done")

    def take_back(self, path: str, *, everything: bool) -> dict[str, Any]:
        """Put back what the open pass has changed, or `everything` since the switch; done twice it is done once."""
        first = min(self.passes, default=0) if everything else self.open
        later = [number for number in self.passes if first and number >= first]
        if not later:
            return {"undone": 0, "digest": ""}
        if using := self._users_of(path):
            raise RestoreError(f"{path} is in use: {using[0]}")
        count = 0
        fd = os.open(path, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC)
        try:
            # The oldest is written last: it is what was there at first.
            for number in reversed(later):
                for place in reversed(list(self._places(number))):
                    block.write(fd, *self._kept(number, place))
                    count += 1
            os.fsync(fd)
            size = block.size_of(fd)
        finally:
            os.close(fd)
        for number in later:
            self._mark(number, "undone")
        return {"undone": count, "digest": block.digest_of(size, b"".join(block.digests(path)))}

    def _places(self, number: int) -> Iterator[int]:
        """Yield where whole records begin; the last one may be torn, and then nothing was overwritten for it."""
        path = f"{self._path(number)}/chunks"
        size = os.path.getsize(path) if os.path.exists(path) else 0
        at = 0
        with open(path, "rb") if size else open(os.devnull, "rb") as file:
            while at + _HEAD.size <= size:
                file.seek(at)
                _, length = _HEAD.unpack(file.read(_HEAD.size))
                if at + _HEAD.size + length > size:
                    return
                yield at
                at += _HEAD.size + length

    def _kept(self, number: int, place: int) -> tuple[int, bytes]:
        with open(f"{self._path(number)}/chunks", "rb") as file:
            file.seek(place)
            chunk, length = _HEAD.unpack(file.read(_HEAD.size))
            return chunk * block.CHUNK, file.read(length)

    def _path(self, number: int) -> str:
        return f"{self.folder}/{number}"

    def _has(self, number: int, mark: str) -> bool:
        return os.path.exists(f"{self._path(number)}/{mark}")

    def _mark(self, number: int, mark: str) -> None:
        fd = os.open(f"{self._path(number)}/{mark}", os.O_CREAT | os.O_WRONLY, 0o600)
        os.fsync(fd)
        os.close(fd)
