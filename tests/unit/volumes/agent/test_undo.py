"""A folder is again what it was before passes that broke, whatever they had moved away by then."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from migrator.volumes.agent.compare import differences, root_digest
from migrator.volumes.agent.entries import Entry
from migrator.volumes.agent.memory import Memory
from migrator.volumes.agent.restore import RestoreError
from migrator.volumes.agent.tree import Tree
from migrator.volumes.agent.undo import UndoLog

Change = Callable[[Path, Path], object]
"""What a pass does to a volume, given where it keeps what it overwrites."""


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Return a volume with files, a folder, links and two names of one file."""
    root = tmp_path / "volume"
    (root / "folder").mkdir(parents=True)
    (root / "a").write_bytes(b"first")
    (root / "b").write_bytes(b"second")
    (root / "folder/inner").write_bytes(b"x" * 300_000)
    (root / "folder/link").symlink_to("../a")
    (root / "folder/again").hardlink_to(root / "b")
    os.mkfifo(root / "pipe", 0o640)
    with (root / "holes").open("wb") as file:
        file.seek(5 << 20)
        file.write(b"end")
    os.setxattr(root / "a", "user.note", b"1")
    return root


def log_of(tmp_path: Path, *users: str) -> UndoLog:
    """Return the log of one switch; these use the volume."""
    return UndoLog(str(tmp_path / "undo/1"), lambda _: list(users))


def listed(tmp_path: Path, entries: Iterable[Entry]) -> str:
    """Return the file of a list, as a pass has it of its target."""
    memory = Memory(str(tmp_path / "memory"))
    return memory.path(memory.keep("target", entries))


def moved(root: Path, kept: Path, name: str, content: bytes | None = None) -> None:
    """Overwrite or delete a file as rsync does: the old one is moved away first."""
    (kept / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).rename(kept / name)
    if content is not None:
        (root / name).write_bytes(content)


def retyped(root: Path, kept: Path) -> None:
    """Make a folder of a file, and a file of a folder."""
    moved(root, kept, "a")
    (root / "a").mkdir()
    (root / "a/new").write_bytes(b"new")
    for name in ("inner", "link", "again"):
        moved(root, kept, f"folder/{name}")
    (root / "folder").rmdir()
    (root / "folder").write_bytes(b"no folder")


def joined(root: Path, _: Path) -> None:
    """Make one file of two, and two of one."""
    (root / "a").unlink()
    (root / "a").hardlink_to(root / "b")
    (root / "folder/again").unlink()
    (root / "folder/again").write_bytes(b"second")


def emptied(root: Path, kept: Path) -> None:
    """Delete files in several folders."""
    for name in ("a", "holes", "folder/inner"):
        moved(root, kept, name)


def added(root: Path, _: Path) -> None:
    """Make a folder with things in it."""
    (root / "more").mkdir()
    (root / "more/file").write_bytes(b"1")
    os.mkfifo(root / "more/pipe")


def dressed(root: Path, _: Path) -> None:
    """Change all but content."""
    (root / "a").chmod(0o600)
    os.utime(root / "folder", (1, 1))
    os.removexattr(root / "a", "user.note")
    os.setxattr(root / "b", "user.other", b"2")
    (root / "pipe").chmod(0o600)


def led_elsewhere(root: Path, _: Path) -> None:
    """Give a link another target."""
    (root / "folder/link").unlink()
    (root / "folder/link").symlink_to("/etc/passwd")


CHANGES: dict[str, Change] = {
    "overwritten": lambda root, kept: moved(root, kept, "folder/inner", b"y" * 300_000),
    "deleted": emptied,
    "new": added,
    "attributes": dressed,
    "another kind": retyped,
    "link": led_elsewhere,
    "hole filled": lambda root, kept: moved(root, kept, "holes", bytes(5 << 20) + b"end"),
    "nothing": lambda _, __: None,
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_broken_pass_has_changed_is_put_back(tmp_path: Path, volume: Path, name: str) -> None:
    """Content, kind, owner, mode, attributes, time and names; done twice it is done once."""
    before, log = list(Tree(str(volume)).read()), log_of(tmp_path)
    log.begin(listed(tmp_path, before))
    CHANGES[name](volume, Path(log.backup()))
    assert log.open == 1
    taken = log.take_back(str(volume), everything=False)
    assert list(differences(before, Tree(str(volume)).read())) == []
    assert bool(taken["undone"]) == (name != "nothing")
    assert taken["digest"] == root_digest(before)
    assert log.open == 0
    assert log.take_back(str(volume), everything=False)["undone"] == 0


def test_one_object_with_other_names_than_before_is_told_apart(tmp_path: Path, volume: Path) -> None:
    """Two files that a pass has made one, and one that it has made two."""
    before, log = list(Tree(str(volume)).read()), log_of(tmp_path)
    log.begin(listed(tmp_path, before))
    kept = Path(log.backup())
    (kept / "a").write_bytes(b"first")
    joined(volume, kept)
    log.take_back(str(volume), everything=False)
    assert list(differences(before, Tree(str(volume)).read())) == []


def test_passes_are_taken_back_one_or_all(tmp_path: Path, volume: Path) -> None:
    """The broken one back to the last whole one; all of them back to the switch. A second run of rsync keeps its own."""
    root, log = str(volume), log_of(tmp_path)
    at_switch = list(Tree(root).read())
    log.begin(listed(tmp_path, at_switch))
    moved(volume, Path(log.backup()), "a", b"of the first pass")
    log.close()
    last_pass = list(Tree(root).read())
    log.begin(listed(tmp_path, last_pass))
    moved(volume, Path(log.backup()), "a", b"half")
    moved(volume, Path(log.backup()), "a", b"more than half")
    assert (log.passes, log.open) == ([1, 2], 2)
    log.take_back(root, everything=False)
    assert list(differences(last_pass, Tree(root).read())) == []
    log.take_back(root, everything=True)
    assert list(differences(at_switch, Tree(root).read())) == []


def test_a_pass_that_goes_on_keeps_the_first_list(tmp_path: Path, volume: Path) -> None:
    """Half a pass is not a state to go back to."""
    before, log = list(Tree(str(volume)).read()), log_of(tmp_path)
    log.begin(listed(tmp_path, before))
    moved(volume, Path(log.backup()), "a", b"half")
    again = log_of(tmp_path)
    again.begin(listed(tmp_path, Tree(str(volume)).read()))
    moved(volume, Path(again.backup()), "a", b"whole")
    again.take_back(str(volume), everything=False)
    assert (volume / "a").read_bytes() == b"first"


def test_what_is_lost_or_in_use_is_told_and_may_be_done_again(tmp_path: Path, volume: Path) -> None:
    """Nothing is taken as put back."""
    before, log = list(Tree(str(volume)).read()), log_of(tmp_path)
    log.begin(listed(tmp_path, before))
    kept = Path(log.backup())
    moved(volume, kept, "a", b"half")
    with pytest.raises(RestoreError, match=r"is in use: process 7"):
        log_of(tmp_path, "process 7 (db) has it open").take_back(str(volume), everything=False)
    (kept / "a").rename(tmp_path / "elsewhere")
    with pytest.raises(RestoreError, match="a: its previous content is not kept"):
        log.take_back(str(volume), everything=False)
    assert log.open == 1
    (tmp_path / "elsewhere").rename(kept / "a")
    log.take_back(str(volume), everything=False)
    assert list(differences(before, Tree(str(volume)).read())) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_flags_owners_and_devices_are_put_back(tmp_path: Path, volume: Path) -> None:
    """An object that forbids changes does not keep itself from being put back."""
    root = str(volume)
    os.chown(volume / "a", 12345, 65537)
    (volume / "a").chmod(0o6755)
    os.mknod(volume / "null", 0o020644, os.makedev(1, 3))
    before, log = list(Tree(root).read()), log_of(tmp_path)
    log.begin(listed(tmp_path, before))
    os.chown(volume / "a", 0, 0)
    (volume / "null").unlink()
    log.take_back(root, everything=False)
    assert list(differences(before, Tree(root).read())) == []
