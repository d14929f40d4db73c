"""Lists of a side that are made anew in parts, or taken over from the passes of the other direction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from migrator.volumes.agent.channel import Channel
from migrator.volumes.agent.compare import merged, paired, stale
from migrator.volumes.agent.entries import Entry
from migrator.volumes.agent.memory import Memory


def renew(memory: Memory, name: str, scanned: str, look: Callable[[Iterable[bytes]], Iterator[Entry]], since: int) -> float:
    """Read again what the list `scanned` shows as changed since the settled list `name`, and keep both as its new one.

    Return the seconds that reading the content took.
    """
    paths = [entry.path for entry in stale(memory.entries(name), memory.entries(scanned), since)]
    begun = time.monotonic()
    looked = memory.hold(f"{name}-looked", look(paths))
    seconds = time.monotonic() - begun
    memory.keep(name, merged(memory.entries(name), memory.entries(scanned), memory.entries(looked), since))
    memory.forget(looked)
    return seconds


def replace(memory: Memory, name: str, paths: list[bytes], fresh: Iterator[Entry]) -> None:
    """Put fresh entries in the place of those of the paths in a new list; a path without one is no longer in it."""
    asked = frozenset(paths)
    kept = (entry for entry in memory.entries(f"{name}.new") if entry.path not in asked)
    made = memory.keep(f"{name}.merged", (b or a for a, b in paired(kept, fresh) if a or b))  # type: ignore[misc]
    memory.rename(made, f"{name}.new")


def take_over(memory: Memory, channel: Channel) -> None:
    """Take what the other direction's last pass has proven for what both sides had: only later changes are read."""
    known = channel.ask("known")
    if not known.get("settled"):
        return
    for ours, theirs in (("source", "target"), ("target", "source")):
        memory.keep(ours, channel.known(theirs))
    memory.settle("source", "target")
    memory.bind(stage="copied", since=known["settled"], source=known["target"], target=known["source"], exclude=known["exclude"])
