"""What a pass refuses; most of it is in test_passes.py, with real folders on both sides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migrator.volumes.agent.compare import totals
from migrator.volumes.agent.guards import PassError, identity, require_room, require_same_folders, require_there
from migrator.volumes.agent.main import main
from migrator.volumes.agent.memory import Binding
from migrator.volumes.agent.tree import Tree
from tests.support.volume_trees import entry, root

LINE = {"address": "::1", "port": 1, "user": "root", "key": "", "known_hosts": "", "ciphers": "aes128-gcm@openssh.com"}
PLACE: dict[str, Any] = {"path": "/v", "mounted": True, "kind": "ext4", "inode": 2}


def test_a_volume_of_a_driver_that_has_gone_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """By its name, and where it was; a folder of a host has none."""
    require_there("source", "/v", "", there=False)
    require_there("source", "/v", "csi-block:d/pv/1", there=True)
    with pytest.raises(PassError, match="the source: csi-block:d/pv/1 is no longer at /v"):
        require_there("source", "/v", "csi-block:d/pv/1", there=False)
    given = {"settings": {"root": f"{tmp_path}/gone", "memory": f"{tmp_path}/m", "volume": "csi-block:d/pv/1"}, "channel": LINE}
    (tmp_path / "settings.json").write_text(json.dumps(given))
    assert main(["pull", f"{tmp_path}/settings.json"]) == 1
    assert f"the target: csi-block:d/pv/1 is no longer at {tmp_path}/gone" in capsys.readouterr().out


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
