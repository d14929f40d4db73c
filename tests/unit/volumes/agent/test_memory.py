"""What is remembered between passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.volumes.agent.entries import ListError, to_arrays
from migrator.volumes.agent.memory import Binding, Memory
from tests.support.volume_trees import entry


def test_a_binding_is_kept_and_changed(tmp_path: Path) -> None:
    """Nothing is known at first; each change is there for the next process."""
    memory = Memory(str(tmp_path / "m"))
    assert memory.binding == Binding()
    memory.bind(stage="filling", source="a")
    assert Memory(str(tmp_path / "m")).bind(since=5) == Binding(source="a", stage="filling", since=5)


def test_a_new_list_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path: Path) -> None:
    """Until then the old one counts; half a list is an error."""
    memory = Memory(str(tmp_path))
    memory.keep("source", [entry(b"a")])
    assert list(memory.entries("source")) == []
    memory.settle("source")
    memory.keep("source", [entry(b"b")])
    assert [item.path for item in memory.entries("source")] == [b"a"]
    memory.settle("source")
    text = Path(memory.path("source")).read_text()
    Path(memory.path("source")).write_text(text[: len(text) // 2])
    with pytest.raises(ListError):
        list(Memory(str(tmp_path)).entries("source"))
    memory.forget("source", "never")
    assert list(memory.entries("source")) == []


@pytest.mark.parametrize("count", [3, 20_503])
def test_a_list_is_the_same_from_memory_and_from_disk(tmp_path: Path, count: int) -> None:
    """A short one is kept in memory while the pass lasts, a long one is read from disk each time."""
    wanted = [entry(b"f%d" % number) for number in range(count)]
    memory = Memory(str(tmp_path))
    memory.keep("source", wanted)
    memory.settle("source")
    assert list(memory.entries("source")) == wanted
    assert list(Memory(str(tmp_path)).entries("source")) == wanted
    memory.hold("before", wanted)
    assert list(memory.entries("before.new")) == wanted
    assert Path(memory.path("before.new")).exists() == (count > 20_480)
    memory.forget("before.new")
    assert list(memory.entries("before.new")) == []
    memory.keep("source", wanted[:1])
    memory.rename("source.new", "source")
    assert list(memory.entries("source")) == wanted[:1]


@pytest.mark.parametrize("count", [3, 20_480, 20_481])
def test_lines_of_another_host_are_the_same_list(tmp_path: Path, count: int) -> None:
    """Of a long one nothing is in memory afterwards, nor of any other list of the volume."""
    wanted = [entry(b"f%d" % number) for number in range(count)]
    lines = [line.encode() for line in to_arrays(wanted)]
    memory = Memory(str(tmp_path))
    memory.hold_lines("before", lines)
    memory.keep_lines("source", lines)
    for name in ("before.new", "source.new"):
        assert list(memory.entries(name)) == wanted
    memory.keep("target", wanted[:1])
    assert sorted(memory._read) == (["before.new", "source.new", "target.new"] if count <= 20_480 else [])


def test_half_a_list_of_another_host_is_an_error(tmp_path: Path) -> None:
    """Whether it is short or long."""
    memory = Memory(str(tmp_path))
    with pytest.raises(ListError, match="without its last line"):
        memory.hold_lines("before", [line.encode() for line in to_arrays([entry(b"a")])][:-1])
    long = [line.encode() for line in to_arrays(entry(b"f%d" % number) for number in range(20_737))]
    memory.hold_lines("before", long[:-1])
    with pytest.raises(ListError, match="without its last line"):
        list(memory.entries("before.new"))
