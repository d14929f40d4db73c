"""The folder that data goes to."""

from __future__ import annotations

import os
from pathlib import Path

from migrator.volumes.agent import target
from migrator.volumes.agent.tree import Tree
from tests.support.volume_trees import entry


def test_a_trial_leaves_nothing_behind(tmp_path: Path) -> None:
    """Whatever the file system can keep."""
    target.lacking(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_keeps_little_is_named() -> None:
    """Nothing can be made in /proc."""
    assert target.lacking("/proc")[0].startswith("nothing can be written there")


def test_blocks_that_were_reserved_are_reserved_again(tmp_path: Path) -> None:
    """A file whose blocks are all there on the source gets them, and keeps its time; one with holes keeps its holes."""
    for name in ("full", "sparse"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(1 << 20)
        os.utime(tmp_path / name, ns=(5, 7))
    tree = Tree(str(tmp_path))
    found = {item.path: item for item in tree.scan()}
    wanted = [(item._replace(blocks=2048 if item.path == b"full" else 0), item) for item in found.values() if item.kind == "f"]
    assert target.finish(tree, wanted) == [b"full"]
    assert (tmp_path / "full").stat().st_blocks >= 2048
    assert (tmp_path / "full").stat().st_mtime_ns == 7
    assert (tmp_path / "sparse").stat().st_blocks == 0


def test_folders_get_their_times_back_without_another_round(tmp_path: Path) -> None:
    """Of any depth, and the volume's own; a file's time is rsync's matter, and a folder that is gone is left to it."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/file").write_bytes(b"x")
    tree = Tree(str(tmp_path))
    wanted = [(item._replace(mtime=number), item) for number, item in enumerate(tree.scan(), 1)]
    gone = entry(b"gone", kind="d", mtime=1)
    changed = target.finish(tree, [*wanted, (gone, gone._replace(mtime=2))])
    assert changed == [b".", b"a", b"a/b"]
    times = {item.path: item.mtime for item in tree.scan()}
    assert {path: times[path] for path in changed} == {item.path: item.mtime for item, _ in wanted if item.kind == "d"}
    assert times[b"a/file"] > len(wanted)


def test_flags_of_what_is_gone_are_no_error(tmp_path: Path) -> None:
    """The list is of an earlier pass."""
    assert target.free_flags(Tree(str(tmp_path)), [entry(b"gone", flags=16), entry(b"none")]) == 0
