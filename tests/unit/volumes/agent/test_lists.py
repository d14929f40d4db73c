"""Parts of a list are made anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from migrator.volumes.agent import lists
from migrator.volumes.agent.entries import Entry
from migrator.volumes.agent.memory import Memory
from tests.support.volume_trees import entry

if TYPE_CHECKING:
    from migrator.volumes.agent.channel import Channel

FOREVER = 1 << 62


def test_only_what_has_changed_is_read_again(tmp_path: Path) -> None:
    """What is gone is no longer in the list, what is new is, and what is as it was keeps its digest."""
    memory = Memory(str(tmp_path))
    memory.keep("target", [entry(b"a"), entry(b"b"), entry(b"c")])
    memory.settle("target")
    memory.hold("here", [entry(b"a"), entry(b"b", ctime=99), entry(b"d")])
    asked: list[bytes] = []

    def look(paths: Iterable[bytes]) -> Iterator[Entry]:
        asked.extend(paths)
        return iter([entry(b"b", ctime=99, digest="new"), entry(b"d")])

    lists.renew(memory, "target", "here.new", look, FOREVER)
    assert asked == [b"b", b"d"]
    assert list(memory.entries("target.new")) == [entry(b"a"), entry(b"b", ctime=99, digest="new"), entry(b"d")]


def test_an_entry_without_a_fresh_one_leaves_the_list(tmp_path: Path) -> None:
    """All others stay."""
    memory = Memory(str(tmp_path))
    memory.keep("source", [entry(b"a"), entry(b"b"), entry(b"c")])
    lists.replace(memory, "source", [b"a", b"b"], iter([entry(b"b", size=7)]))
    assert list(memory.entries("source.new")) == [entry(b"b", size=7), entry(b"c")]


class OtherDirection:
    """What the other host tells of the passes that went the other way."""

    def __init__(self, settled: int) -> None:
        self._settled = settled

    def ask(self, question: str) -> dict[str, Any]:
        """Tell what its last pass has noted."""
        assert question == "known"
        return {"settled": self._settled, "source": "was source", "target": "was target", "exclude": "*.tmp"}

    def known(self, name: str) -> Iterator[Entry]:
        """Yield its list of a side."""
        return iter([entry(name.encode())])


@pytest.mark.parametrize("settled", [0, 77])
def test_what_the_other_direction_has_proven_is_taken_over_with_the_sides_exchanged(tmp_path: Path, settled: int) -> None:
    """Unless its last pass was no last one: then nothing is known of what both had."""
    memory = Memory(str(tmp_path))
    lists.take_over(memory, cast("Channel", OtherDirection(settled)))
    known = memory.binding
    if not settled:
        assert known.stage == "new"
        return
    assert (known.stage, known.since, known.source, known.target) == ("copied", 77, "was target", "was source")
    assert known.exclude == "*.tmp"
    assert [list(memory.entries(side)) for side in ("source", "target")] == [[entry(b"target")], [entry(b"source")]]
