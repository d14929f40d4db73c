"""One pass of a block device: both sides read whole, what differs brought in chunks, and compared."""

from __future__ import annotations

import hashlib
import os
import struct
import time
from typing import Any

from migrator.volumes.agent import block
from migrator.volumes.agent.block_undo import BlockUndo
from migrator.volumes.agent.channel import Channel
from migrator.volumes.agent.guards import PassError, SourceInUseError, require_there, users_of_source
from migrator.volumes.agent.memory import Memory
from migrator.volumes.agent.settings import Settings
from migrator.volumes.agent.transfer import Say, versions

# Chunks in one request: 32 MiB, so that a lost connection loses no more.
_AT_ONCE = 32


class BlockPass:
    """One pass of one device."""

    def __init__(self, settings: Settings, channel: Channel, say: Say) -> None:
        self.settings, self.channel, self.say = settings, channel, say
        self.memory = Memory(settings.memory)
        self.undo = BlockUndo(settings.undo) if settings.undo else None

    def run(self) -> dict[str, Any]:
        """Do it, and return what came of it; raises PassError, SourceError or OSError."""
        begun = time.monotonic()
        there, here = self._checked()
        size = int(there["size"])
        self.say(f"reading and comparing both devices, {size} bytes")
        wanted = bytearray(b"".join(self.channel.answer("device-digests")))
        found = bytearray(b"".join(block.digests(self.settings.root)))
        self._require_content(wanted, found)
        self.memory.bind(stage="filling", source=self._source(there), target=self._target(here))
        wrong = [number for number in range(len(wanted) // block.DIGEST) if _at(wanted, number) != _at(found, number)]
        if self.undo:
            self.undo.begin()
        if wrong:
            self.say(f"copying {len(wrong)} of {len(wanted) // block.DIGEST} chunks")
        received = self._brought(wrong, wanted, found)
        left = [f"chunk {number}" for number in wrong if _at(wanted, number) != _at(found, number)]
        if self.settings.finish:
            self._require_still(there, left)
            entry = block.entry_of(size, bytes(wanted))
            self.memory.keep_text("proof", [entry])
            self.memory.settle("proof")
        self.memory.bind(stage="copied", rounds=self.memory.binding.rounds + 1)
        if self.undo:
            self.undo.close()
        seconds = round(time.monotonic() - begun, 3)
        return {
            "equal": not left,
            "proven": self.settings.finish,
            "left": left[:10],
            "leftCount": len(left),
            "entries": 1,
            "files": 1,
            "bytes": size,
            "allocated": size,
            "received": received,
            "repairs": 0,
            "chunks": len(wrong),
            "source": there,
            "target": here,
            "root": {"source": block.digest_of(size, bytes(wanted)), "target": block.digest_of(size, bytes(found))},
            "versions": versions(),
            "seconds": seconds,
            "times": {},
        }

    def _checked(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Look at both sides; raises PassError before anything is changed."""
        there, here = self.channel.ask("probe"), block.probe(self.settings.root)
        is_device = there["kind"] == here["kind"]
        require_there("source", there["path"], self.settings.source_volume, there=is_device and there["size"] > 0)
        if not is_device:
            raise PassError("one side is a block device, and the other one is not", "give both claims the same volumeMode")
        if there["size"] != here["size"]:
            raise PassError(
                f"the devices differ in size: the source has {there['size']} bytes, the target {here['size']}",
                "give green a device of the same size; a larger one would not come back",
            )
        known = self.memory.binding
        for side, seen, before in (("source", self._source(there), known.source), ("target", self._target(here), known.target)):
            if before and before != seen:
                raise PassError(f"the {side} is not the device of the earlier passes: {seen}, it was {before}", "look there")
        if using := block.users(self.settings.root):
            raise PassError(f"the target is in use: {using[0]}", "scale its workload to 0 there, and run this again")
        if self.settings.finish and (using := users_of_source(self.channel)):
            raise SourceInUseError(using)
        return there, here

    def _source(self, seen: dict[str, Any]) -> str:
        return _identity(seen, self.settings.source_volume)

    def _target(self, seen: dict[str, Any]) -> str:
        return _identity(seen, self.settings.volume)

    def _require_content(self, wanted: bytearray, found: bytearray) -> None:
        """Raise PassError rather than overwrite what nobody expects to be overwritten."""
        agree = "if that is right, run this again with --accept-deletions"
        if len(wanted) != len(found):
            theirs, ours = (len(known) // block.DIGEST for known in (wanted, found))
            raise PassError(f"the source tells of {theirs} chunks, and the target has {ours}", "run this again")
        if self.settings.accept_deletions or _is_empty(found):
            return
        if _is_empty(wanted):
            raise PassError("the source holds nothing but zeros, and the target does not: nothing was written", agree)
        if self.memory.binding.stage == "new" and not self.settings.known_target:
            raise PassError("the target is not empty, and this tool did not write what it holds", agree)

    def _brought(self, wrong: list[int], wanted: bytearray, found: bytearray) -> int:
        """Write what differs, and note what was written and what the disk gives back; return how many bytes came."""
        received = 0
        fd = os.open(self.settings.root, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC)
        try:
            size = block.size_of(fd)
            for start in range(0, len(wrong), _AT_ONCE):
                numbers = wrong[start : start + _AT_ONCE]
                contents = list(self.channel.answer("device-chunks", struct.pack(f"<{len(numbers)}Q", *numbers)))
                if [len(content) for content in contents] != [_length(size, number) for number in numbers]:
                    raise PassError("the source sends other chunks than it was asked for", "run this again")
                if self.undo:
                    self.undo.keep([(number, block.read(fd, number * block.CHUNK, _length(size, number))) for number in numbers])
                for number, content in zip(numbers, contents, strict=True):
                    block.write(fd, number * block.CHUNK, content)
                    received += len(content)
                    wanted[number * block.DIGEST : (number + 1) * block.DIGEST] = hashlib.sha256(content).digest()
                self._slow_down(sum(map(len, contents)))
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            for number in wrong:  # as the disk gives it back
                content = block.read(fd, number * block.CHUNK, _length(size, number))
                found[number * block.DIGEST : (number + 1) * block.DIGEST] = hashlib.sha256(content).digest()
        finally:
            os.close(fd)
        return received

    def _slow_down(self, count: int) -> None:
        if self.settings.limit:
            time.sleep(count / (self.settings.limit * 1024))

    def _require_still(self, there: dict[str, Any], left: list[str]) -> None:
        if left:
            raise PassError(f"{len(left)} chunks differ after they were written: {left[0]}", "is the target's disk in order?")
        if using := self.channel.ask("users"):
            raise PassError(f"the source is in use again: {'; '.join(using)}", "keep its workload at 0, and run this again")
        if self.channel.ask("probe")["written"] != there["written"]:
            raise PassError("something wrote to the source meanwhile", "stop what writes, and run this again")


def _length(size: int, number: int) -> int:
    """Return how long a chunk of a device of this size is."""
    return min(block.CHUNK, size - number * block.CHUNK)


def _at(known: bytearray, number: int) -> bytes:
    return bytes(known[number * block.DIGEST : (number + 1) * block.DIGEST])


def _is_empty(known: bytearray) -> bool:
    """Return whether a device holds zeros alone; one whose last chunk is short is never taken for empty."""
    whole = range(len(known) // block.DIGEST)
    return all(_at(known, number) == block.ZEROS for number in whole)


def _identity(seen: dict[str, Any], volume: str) -> str:
    """Return what tells a device from another one; a driver's has another path each time, and is known by its `volume`."""
    return f"{volume or seen['path']} with {seen['size']} bytes"
