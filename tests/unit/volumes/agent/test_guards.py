"""What a pass refuses; most of it is in test_passes.py, with real folders on both sides."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

import pytest

from migrator.volumes.agent.channel import Channel
from migrator.volumes.agent.compare import totals
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.guards import (
    PassError,
    identity,
    require_content,
    require_kept,
    require_room,
    require_same_folders,
    require_there,
    users_of_source,
)
from migrator.volumes.agent.main import main
from migrator.volumes.agent.memory import Binding, Memory
from migrator.volumes.agent.tree import Tree
from tests.support.volume_trees import entry, local_channel, root

LINE = {"address": "::1", "port": 1, "user": "root", "key": "", "known_hosts": "", "ciphers": "aes128-gcm@openssh.com"}
PLACE: dict[str, Any] = {"path": "/v", "mounted": True, "kind": "ext4", "inode": 2}


def test_a_target_may_lack_attributes_that_the_source_does_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of NFS keeps no trusted attributes and other ACLs; what else it lacks would be missing in each volume."""
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume/a").touch()
    channel = local_channel(tmp_path, tmp_path / "volume")
    lacking = ["extended attributes", "trusted attributes", "ACLs"]
    monkeypatch.setattr("migrator.volumes.agent.target.lacking", lambda _: list(lacking))
    try:
        require_kept("/green", channel)
        os.setxattr(tmp_path / "volume/a", "user.note", b"1")
        with pytest.raises(PassError, match=r"the target cannot keep extended attributes$"):
            require_kept("/green", channel)
        lacking[:] = ["trusted attributes", "hard links"]
        with pytest.raises(PassError, match=r"the target cannot keep hard links$"):
            require_kept("/green", channel)
    finally:
        channel.hang_up()


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


def test_a_folder_over_which_nothing_is_mounted_is_no_volume_of_a_driver() -> None:
    """The empty folder of the kubelet below a mount that is gone is never copied, nor written to."""
    bare = {**PLACE, "mounted": False}
    require_same_folders(Binding(), PLACE, PLACE, ("csi:d/pv", "csi:d/pv"))
    require_same_folders(Binding(), bare, bare)
    for there, here, side in ((bare, PLACE, "source"), (PLACE, bare, "target")):
        with pytest.raises(PassError, match=f"the {side}: nothing is mounted at /v, where csi:d/pv was"):
            require_same_folders(Binding(), there, here, ("csi:d/pv", "csi:d/pv"))


def test_a_volume_of_a_driver_may_be_mounted_elsewhere() -> None:
    """Its name tells it from another one, and its inode from one that was formatted anew."""
    known = Binding(source=identity(PLACE, "csi:d/pv"))
    elsewhere = {**PLACE, "path": "/kubelet/pods/2"}
    require_same_folders(known, elsewhere, PLACE, ("csi:d/pv", ""))
    for changed, volume in (({**elsewhere, "inode": 3}, "csi:d/pv"), (elsewhere, "csi:d/other")):
        with pytest.raises(PassError, match="the source's folder is not the one of the earlier passes"):
            require_same_folders(known, changed, PLACE, (volume, ""))


class Asked:
    """A source that answers with one list of users after the other."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    def ask(self, word: str) -> list[str]:
        """Answer; the last answer stays."""
        assert word == "users"
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_a_user_of_the_source_has_a_moment_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod is gone before its containers' files are closed; who stays is named."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    assert users_of_source(cast("Channel", Asked(["a"], ["a"], []))) == []
    assert 0 < now[0] < 1
    assert users_of_source(cast("Channel", Asked(["process 7"]))) == ["process 7"]
    assert 2 < now[0] < 3


@pytest.mark.parametrize(
    ("before", "now", "refused"),
    [(30, 30, ""), (30, 15, ""), (30, 14, "16 of 31 objects"), (11, 0, "11 of 12 objects"), (10, 0, "")],
)
def test_many_deletions_are_those_of_more_than_half(tmp_path: Path, before: int, now: int, refused: str) -> None:
    """A few, such as a log that was rotated, are nobody's question."""
    memory, volume = Memory(f"{tmp_path}/m"), tmp_path / "v"
    volume.mkdir()
    (volume / "there").touch()
    memory.keep("source", [root(), *(entry(b"%02d" % number) for number in range(before))])
    memory.settle("source")
    memory.bind(stage="copied")
    left = [root(), *(entry(b"%02d" % number) for number in range(now))]
    memory.hold("before", left)
    counted = totals([*left, entry(b"zz")])
    if not refused:
        require_content(memory, Tree(str(volume)), counted, PLACE, trusted=True)
        assert (volume / "there").exists()
        return
    with pytest.raises(PassError, match=refused):
        require_content(memory, Tree(str(volume)), counted, PLACE, trusted=True)


@pytest.mark.parametrize(
    ("came", "folder", "stage", "refused"),
    [(30, 5, "copied", False), (3, 5, "copied", True), (30, 6, "copied", True), (30, 5, "filling", True)],
)
def test_what_is_turned_over_is_not_lost(tmp_path: Path, came: int, folder: int, stage: str, *, refused: bool) -> None:
    """Nearly all mails of a queue are others in the next pass; another disk at the same place has another folder of that name."""
    memory, volume = Memory(f"{tmp_path}/m"), tmp_path / "v"
    (volume / "q").mkdir(parents=True)
    for number in range(30):
        (volume / f"q/a{number:02}").touch()
    before = [root(), entry(b"q", kind="d", inode=5), *(entry(b"q/a%02d" % number) for number in range(30))]
    now = [root(), entry(b"q", kind="d", inode=folder), *(entry(b"q/b%02d" % number) for number in range(came))]
    memory.keep("source", before)
    memory.settle("source")
    memory.bind(stage=stage)
    memory.hold("before", now)
    if not refused:
        require_content(memory, Tree(str(volume)), totals(now), PLACE, trusted=True)
        assert (volume / "q/a00").exists()
        return
    with pytest.raises(PassError, match="30 of 32 objects are gone"):
        require_content(memory, Tree(str(volume)), totals(now), PLACE, trusted=True)


def test_what_is_left_out_and_the_file_system_s_own_folder_are_no_content(tmp_path: Path) -> None:
    """An empty volume of ext4 is empty; a first pass may begin there."""
    memory, volume = Memory(f"{tmp_path}/m"), tmp_path / "v"
    for name in ("lost+found", "cache"):
        (volume / name).mkdir(parents=True)
    memory.hold("before", [root()])
    require_content(memory, Tree(str(volume), Exclude(["cache"])), totals([root()]), PLACE, trusted=False)
    with pytest.raises(PassError, match="its 1 objects were not copied by this tool: 'cache'"):
        require_content(memory, Tree(str(volume)), totals([root()]), PLACE, trusted=False)
