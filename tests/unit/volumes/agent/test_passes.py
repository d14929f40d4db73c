"""What a pass refuses before it changes anything; whole passes are in tests/integration/test_volumes.py."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.guards import PassError, Room
from migrator.volumes.agent.memory import Memory
from migrator.volumes.agent.passes import Pass
from migrator.volumes.agent.settings import Settings
from migrator.volumes.agent.undo import UndoLog
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


def at_work(tmp_path: Path, **more: Any) -> Pass:
    """Return a pass that has looked at both sides, after one that broke while it filled the target."""
    one = begun(tmp_path, **more)
    one.began, one.room = time.time_ns(), Room(for_all=True, for_largest=True)
    one.memory.bind(stage="filling")
    one.memory.hold_lines("before", one.channel.lines("scan"))
    return one


def brought(one: Pass) -> list[str]:
    """Transfer, read and repair, and return what differs still."""
    there = {"kind": "ext4", "path": "/srv/blue"}
    try:
        one._keep_before()
        one._transfer(there)
        one._read(there)
        return one._repair()
    finally:
        one.channel.hang_up()


def content(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def filled(tmp_path: Path) -> None:
    """Make two sides that differ in all that a pass can set right."""
    for name in ("blue/inner", "green/old", "green/inner"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "blue/inner/file").write_bytes(b"new")
    (tmp_path / "blue/again").hardlink_to(tmp_path / "blue/inner/file")
    (tmp_path / "blue/link").symlink_to("inner/file")
    (tmp_path / "blue/closed").write_bytes(b"x")
    (tmp_path / "blue/closed").chmod(0o600)
    (tmp_path / "green/inner/file").write_bytes(b"old!")
    (tmp_path / "green/old/file").write_bytes(b"gone")
    (tmp_path / "green/closed").write_bytes(b"x")


def test_a_pass_that_goes_on_makes_both_sides_equal(tmp_path: Path) -> None:
    """Content, modes, links and names; what is gone from the source goes, and the digests are one."""
    filled(tmp_path)
    one = at_work(tmp_path)
    assert brought(one) == []
    assert content(tmp_path / "green") == content(tmp_path / "blue")
    assert (tmp_path / "green/again").samefile(tmp_path / "green/inner/file")
    assert (tmp_path / "green/closed").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "green/link").readlink() == Path("inner/file")
    assert one.received > 0
    result = one._compared([], {}, {}, 0.0)
    assert (result["equal"], result["proven"], result["leftCount"]) == (True, False, 0)
    assert result["root"]["source"] == result["root"]["target"]


def test_what_a_transfer_could_not_know_is_repaired_in_a_round(tmp_path: Path) -> None:
    """An object that is extra, another that is missing, and one of another mode."""
    one = at_work(tmp_path)
    for side in ("blue", "green"):
        (tmp_path / side / "same").write_bytes(b"x")
        os.utime(tmp_path / side / "same", ns=(7, 7))
    there = {"kind": "ext4", "path": "/srv/blue"}
    try:
        (tmp_path / "blue/missing").write_bytes(b"late")
        (tmp_path / "green/extra").write_bytes(b"own")
        (tmp_path / "green/same").chmod(0o600)
        one._read(there)
        assert one._repair() == []
    finally:
        one.channel.hang_up()
    assert content(tmp_path / "green") == {"same": b"x", "missing": b"late"}
    assert one.rounds == 1


def test_a_folder_that_is_gone_stays_for_what_is_left_out_in_it(tmp_path: Path) -> None:
    """Rsync cannot remove it; it is no difference, and it is in no list."""
    filled(tmp_path)
    (tmp_path / "green/old/a.tmp").write_bytes(b"left out")
    one = at_work(tmp_path, exclude=Exclude(["**/*.tmp"]).text)
    assert brought(one) == []
    assert content(tmp_path / "green/old") == {"a.tmp": b"left out"}
    assert b"old" not in {entry.path for entry in one.memory.entries("target.new")}


def test_what_a_pass_has_changed_can_be_taken_back(tmp_path: Path) -> None:
    """It keeps the target's list before its first change, and goes on with that list where it is begun again."""
    filled(tmp_path)
    before = content(tmp_path / "green")
    one = at_work(tmp_path, undo=f"{tmp_path}/undo")
    assert brought(one) == []
    again = at_work(tmp_path, undo=f"{tmp_path}/undo")
    again._keep_before()
    again.channel.hang_up()
    log = UndoLog(f"{tmp_path}/undo", lambda _: [])
    assert log.passes == [1]
    assert log.take_back(str(tmp_path / "green"), everything=False)["undone"] > 0
    assert content(tmp_path / "green") == before
