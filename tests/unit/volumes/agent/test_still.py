"""A source that stood still through a whole pass."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from migrator.volumes.agent.channel import Channel
from migrator.volumes.agent.compare import stamps_digest
from migrator.volumes.agent.entries import Entry
from migrator.volumes.agent.guards import PassError
from migrator.volumes.agent.memory import Memory
from migrator.volumes.agent.still import require_still
from tests.support.volume_trees import entry

BEFORE = [entry(b"a"), entry(b"b")]


class Source:
    """Answers as the other host does."""

    def __init__(self, now: list[Entry], users: tuple[str, ...] = ()) -> None:
        self.now, self.users = now, users

    def ask(self, what: str) -> Any:
        """Answer one question."""
        return {"users": list(self.users), "stamps": stamps_digest(self.now)}[what]

    def scan(self) -> Iterator[Entry]:
        """Return what is there."""
        return iter(self.now)


def settled(source: Source, folder: Path) -> int:
    """Ask for the proof."""
    memory = Memory(str(folder / "memory"))
    memory.hold("before", BEFORE)
    return require_still(cast("Channel", source), memory, str(folder))


def test_a_source_as_it_was_gives_the_time_of_the_target(tmp_path: Path) -> None:
    """By the target's clock, taken before it was written back."""
    begun = time.time_ns()
    assert begun <= settled(Source(BEFORE), tmp_path) <= time.time_ns()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Source(BEFORE, ("process 7 (postgres) has /data open",)), "the source is in use again: process 7"),
        (Source([entry(b"a"), entry(b"b", ctime=99)]), "something wrote to the source meanwhile: b"),
        (Source([entry(b"a")]), "something wrote to the source meanwhile: b"),
        (Source([*BEFORE, entry(b"c")]), "something wrote to the source meanwhile: c"),
    ],
)
def test_a_user_and_a_write_are_named(source: Source, words: str, tmp_path: Path) -> None:
    """Nothing is proven then."""
    with pytest.raises(PassError, match=words) as caught:
        settled(source, tmp_path)
    assert caught.value.hint
