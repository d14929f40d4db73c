"""What the target's host remembers of one volume between passes: lists of both sides, and what lies at which path."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice

from migrator.volumes.agent.entries import TOGETHER, Entry, from_lines, to_arrays, to_lines

# Entries up to which lists of a volume are kept in memory, too: some 15 MB each; longer ones are read from disk each time.
_SHORT = 80 * TOGETHER
# Bytes of such a list on disk, with long paths and attributes.
_SHORT_FILE = 1000 * _SHORT


@dataclass(frozen=True)
class Binding:
    """Which two folders belong together; a folder that lies there later and is another one is refused."""

    source: str = ""
    """Where the source's folder lies, its inode, and whether a file system is mounted at it."""
    target: str = ""
    stage: str = "new"
    """`new`, `filling` while the first stream comes, `copied` once a whole pass has succeeded."""
    since: int = 0
    """By the source's clock: a change from then on may not be in the lists."""
    settled: int = 0
    """By the target's clock: a change there from then on is not in the lists of a last pass; 0: the pass was no last one."""
    rounds: int = 0
    """How many passes have succeeded."""
    rate: float = 0.0
    """Bytes a second of the fastest pass."""
    exclude: str = ""
    """What the lists leave out (`Exclude.text`)."""
    digest: str = ""
    """Root digest of both lists where they were equal; empty where they were not."""


class Memory:
    """A folder on the target's host, outside of the volume."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        # Short lists by name, which are read many times in a pass.
        self._read: dict[str, list[Entry]] = {}
        os.makedirs(folder, mode=0o700, exist_ok=True)
        # Both sides have about the same number of entries: once one list was long, nothing of another is kept.
        self._short = not os.path.exists(self.path("source")) or os.path.getsize(self.path("source")) <= _SHORT_FILE

    @property
    def binding(self) -> Binding:
        """What was noted last."""
        try:
            with open(f"{self.folder}/binding.json", encoding="utf-8") as file:
                return Binding(**json.load(file))
        except FileNotFoundError:
            return Binding()

    def bind(self, **changes: object) -> Binding:
        """Note changes, and return the whole."""
        binding = replace(self.binding, **changes)  # type: ignore[arg-type]
        with open(f"{self.folder}/binding.new", "w", encoding="utf-8") as file:
            json.dump(asdict(binding), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{self.folder}/binding.new", f"{self.folder}/binding.json")
        return binding

    def keep(self, name: str, entries: Iterable[Entry]) -> str:
        """Write a list beside the one of its name, which may be read meanwhile; return the name of the new one."""
        return self._keep(name, entries, to_arrays)

    def keep_lines(self, name: str, lines: Iterable[bytes]) -> str:
        """Do the same with lines of another host (`to_arrays`); those of a long list are not taken apart."""
        if self._short:
            return self.keep(name, from_lines(lines))
        return self._write(name, lines)

    def hold(self, name: str, entries: Iterable[Entry]) -> str:
        """Keep a list for this pass only: on disk just where it is long; return its name."""
        if not self._short:
            return self._keep(name, entries, to_arrays)
        left = iter(entries)
        short = list(islice(left, _SHORT + 1))
        if len(short) > _SHORT:
            self._short = False
            return self._keep(name, chain(short, left), to_arrays)
        return self._remember(name, short)

    def hold_lines(self, name: str, lines: Iterable[bytes]) -> str:
        """Do the same with lines of another host, so that a long list never is in memory."""
        left = iter(lines)
        # With the line that ends it.
        short = list(islice(left, _SHORT // TOGETHER + 2)) if self._short else []
        if short and len(short) <= _SHORT // TOGETHER + 1:
            return self._remember(name, list(from_lines(short)))
        self._short = False
        return self._write(name, chain(short, left))

    def keep_text(self, name: str, entries: Iterable[Entry]) -> str:
        """Write a list that others read, too: an entry a line."""
        return self._keep(name, entries, to_lines)

    def _keep(self, name: str, entries: Iterable[Entry], lines: Callable[[Iterable[Entry]], Iterator[str]]) -> str:
        self._read.pop(f"{name}.new", None)
        with open(self.path(f"{name}.new"), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines(self._noted(f"{name}.new", entries)))
        return f"{name}.new"

    def _write(self, name: str, lines: Iterable[bytes]) -> str:
        self._read.pop(f"{name}.new", None)
        with open(self.path(f"{name}.new"), "wb") as file:
            file.writelines(line + b"\n" for line in lines)
        return f"{name}.new"

    def _remember(self, name: str, short: list[Entry]) -> str:
        self.forget(f"{name}.new")
        self._read[f"{name}.new"] = short
        return f"{name}.new"

    def _noted(self, name: str, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield the entries, and keep them in memory, too, while no list was long."""
        short: list[Entry] = []
        for entry in entries:
            if self._short:
                short.append(entry)
                self._short = len(short) <= _SHORT
            elif short:
                short.clear()
            yield entry
        if self._short and os.path.exists(self.path(name)):
            self._read[name] = short

    def settle(self, *names: str) -> None:
        """Let new lists take the place of the old ones."""
        for name in names:
            self.rename(f"{name}.new", name)

    def rename(self, old: str, new: str) -> None:
        """Give a list another name; one that has it is gone."""
        os.replace(self.path(old), self.path(new))
        self._read.pop(new, None)
        if old in self._read:
            self._read[new] = self._read.pop(old)

    def forget(self, *names: str) -> None:
        """Remove lists."""
        for name in names:
            self._read.pop(name, None)
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))

    def entries(self, name: str) -> Iterator[Entry]:
        """Yield a list; none was kept: nothing."""
        if name in self._read:
            yield from self._read[name]
            return
        try:
            with open(self.path(name), encoding="utf-8") as file:
                yield from self._noted(name, from_lines(file))
        except FileNotFoundError:
            return

    def path(self, name: str) -> str:
        """Return where a list lies."""
        return f"{self.folder}/{name}.list"
