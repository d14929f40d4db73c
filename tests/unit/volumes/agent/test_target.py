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


def test_flags_of_what_is_gone_are_no_error(tmp_path: Path) -> None:
    """The list is of an earlier pass."""
    assert target.free_flags(Tree(str(tmp_path)), [entry(b"gone", flags=16), entry(b"none")]) == 0
