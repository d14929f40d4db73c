"""What a pass refuses; most of it is in test_passes.py, with real folders on both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrator.volumes.agent.compare import totals
from migrator.volumes.agent.guards import PassError, identity, require_room, require_same_folders
from migrator.volumes.agent.memory import Binding
from migrator.volumes.agent.tree import Tree
from tests.support.volume_trees import entry, root

PLACE: dict[str, Any] = {"path": "/v", "mounted": True, "kind": "ext4", "inode": 2}


def test_a_folder_is_known_by_what_a_restart_does_not_change() -> None:
    """Its inode, its kind, and whether something is mounted at it; the number of a device may be another one."""
    known = Binding(source=identity(PLACE), target=identity(PLACE))
    require_same_folders(known, PLACE, {**PLACE, "source": "/dev/sdz", "free": 1})
    for change in ({"inode": 3}, {"mounted": False}, {"kind": "tmpfs"}):
        with pytest.raises(PassError, match="target's folder is not the one"):
            require_same_folders(known, PLACE, {**PLACE, **change})


def test_room_is_counted_for_what_is_not_there_yet(tmp_path: Path) -> None:
    """With five percent to spare; bytes and inodes."""
    (tmp_path / "there").write_bytes(b"x" * 4096)
    wanted = totals([root(blocks=8), entry(b"there", blocks=8), entry(b"more", blocks=8)])
    tree = Tree(str(tmp_path))
    assert require_room(tree, wanted, {"free": 5000, "inodes": 2}) == (False, True)
    assert require_room(tree, wanted, {"free": 1 << 30, "inodes": 1000}) == (True, True)
    large = totals([root(blocks=8), entry(b"there", blocks=16)])
    assert require_room(tree, large, {"free": 6000, "inodes": 2}) == (False, False)
    with pytest.raises(PassError, match="bytes free, and needs 4300 more"):
        require_room(Tree(str(tmp_path)), wanted, {"free": 4200, "inodes": 9})
    with pytest.raises(PassError, match="0 inodes free, and needs 1 more"):
        require_room(Tree(str(tmp_path)), wanted, {"free": 5000, "inodes": 0})
