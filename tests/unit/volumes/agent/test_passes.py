"""What a pass refuses before it changes anything; whole passes are in tests/integration/test_volumes.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrator.volumes.agent.guards import PassError
from migrator.volumes.agent.memory import Memory
from migrator.volumes.agent.passes import Pass
from migrator.volumes.agent.settings import Settings
from tests.support.volume_trees import local_channel


def begun(tmp_path: Path, **more: Any) -> Pass:
    """Return a pass from one folder to another, of which nothing is known yet."""
    for name in ("blue", "green"):
        (tmp_path / name).mkdir(exist_ok=True)
    settings = Settings(str(tmp_path / "green"), str(tmp_path / "memory"), **more)
    return Pass(settings, local_channel(tmp_path, tmp_path / "blue"), lambda _: None)


def allowed(tmp_path: Path, **more: Any) -> bool:
    """Return whether a pass begins; leave no process behind."""
    one = begun(tmp_path, **more)
    try:
        one._checked()
    finally:
        one.channel.hang_up()
    return True


def refused(tmp_path: Path, **more: Any) -> str:
    """Return why a pass refuses."""
    one = begun(tmp_path, **more)
    try:
        with pytest.raises(PassError) as caught:
            one._checked()
    finally:
        one.channel.hang_up()
    assert caught.value.hint
    return str(caught.value)


def known(tmp_path: Path, names: list[str]) -> None:
    """Let an earlier pass have brought these files, and both sides have them."""
    one = begun(tmp_path)
    for name in names:
        for side in ("blue", "green"):
            (tmp_path / side / name).write_bytes(b"x")
    one.memory.keep("source", one.channel.read())
    one.memory.settle("source")
    one.memory.bind(stage="copied")
    one.channel.hang_up()


def test_what_lies_on_the_target_already_is_not_taken_for_ours(tmp_path: Path) -> None:
    """Only what an earlier pass, or the other direction, has proven may be deleted."""
    known(tmp_path, ["a"])
    Memory(str(tmp_path / "memory")).bind(stage="new")
    assert "not copied by this tool: 'a'" in refused(tmp_path)
    assert allowed(tmp_path, known_target=True)
    assert allowed(tmp_path, accept_deletions=True)


def test_a_source_that_is_empty_or_mostly_gone_deletes_nothing(tmp_path: Path) -> None:
    """A disk that is not mounted, or a folder that somebody emptied; consent lets it through."""
    names = [f"f{number}" for number in range(30)]
    known(tmp_path, names)
    for name in names[:20]:
        (tmp_path / "blue" / name).unlink()
    assert "20 of 31 objects are gone from the source" in refused(tmp_path)
    for name in names[20:]:
        (tmp_path / "blue" / name).unlink()
    assert "is empty, and the target is not: nothing was deleted" in refused(tmp_path)
    assert "is empty" in refused(tmp_path, known_target=True)
    assert allowed(tmp_path, accept_deletions=True)


def test_another_folder_at_the_same_path_is_not_the_one_of_before(tmp_path: Path) -> None:
    """Its inode tells, and whether a file system is mounted there."""
    assert allowed(tmp_path)
    (tmp_path / "blue").rename(tmp_path / "old")
    assert "the source's folder is not the one of the earlier passes" in refused(tmp_path)


def after_an_equal_pass(tmp_path: Path, **more: Any) -> Pass:
    """Return a pass of two folders that a pass before has left equal, long ago by the source's clock."""
    for side in ("blue", "green"):
        (tmp_path / side).mkdir()
        for name in ("a", "b"):
            (tmp_path / side / name).write_bytes(b"x")
    one = begun(tmp_path, **more)
    one.memory.keep("source", one.channel.read())
    one.memory.keep("target", one.tree.read())
    one.memory.settle("source", "target")
    one.memory.bind(stage="copied", since=1 << 62, digest="d1", rounds=1)
    return one


def short_way(one: Pass) -> dict[str, Any] | None:
    """Return what came of a pass that needs to do nothing."""
    try:
        there, here = one._checked()
        return one._unchanged({**there, "kind": "ext4"}, here, 0.0)
    finally:
        one.channel.hang_up()


def test_a_pass_of_equal_trees_to_which_nothing_happened_makes_no_new_lists(tmp_path: Path) -> None:
    """It says what the one before has said; a next one looks for what changed since."""
    one = after_an_equal_pass(tmp_path)
    done = short_way(one)
    assert done is not None
    assert (done["equal"], done["entries"], done["root"]) == (True, 3, {"source": "d1", "target": "d1"})
    assert (one.memory.binding.rounds, one.memory.binding.since < 1 << 62) == (2, True)


@pytest.mark.parametrize("what", ["blue writes", "blue deletes", "green writes", "green has more", "differed", "finish", "full"])
def test_all_else_takes_the_long_way(tmp_path: Path, what: str) -> None:
    """A last pass is always whole, and so is one after a pass that left differences."""
    one = after_an_equal_pass(tmp_path, finish=what == "finish", full=what == "full")
    if what.endswith("writes"):
        (tmp_path / what.split(maxsplit=1)[0] / "a").write_bytes(b"y")
    elif what == "blue deletes":
        (tmp_path / "blue/a").unlink()
    elif what == "green has more":
        (tmp_path / "green/c").write_bytes(b"")
    elif what == "differed":
        one.memory.bind(digest="")
    assert short_way(one) is None


def test_what_differed_is_read_again_on_both_sides(tmp_path: Path) -> None:
    """A source in use has changed it meanwhile; what is gone there is no longer in its list."""
    one = after_an_equal_pass(tmp_path)
    try:
        one.memory.keep("source", one.channel.read())
        one.memory.keep("target", one.tree.read())
        (tmp_path / "blue/a").write_bytes(b"longer")
        (tmp_path / "blue/b").unlink()
        (tmp_path / "green/a").write_bytes(b"xx")
        one._look_again([b"a", b"b"])
    finally:
        one.channel.hang_up()
    sizes = {side: {entry.path: entry.size for entry in one.memory.entries(f"{side}.new")} for side in ("source", "target")}
    assert sizes == {"source": {b".": 0, b"a": 6}, "target": {b".": 0, b"a": 2, b"b": 1}}
