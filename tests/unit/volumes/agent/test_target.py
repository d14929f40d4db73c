"""The folder that data goes to."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from migrator.volumes.agent import target
from migrator.volumes.agent.tree import IMMUTABLE, Tree
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


def test_a_file_that_the_file_system_compresses_is_left_alone(tmp_path: Path) -> None:
    """It has fewer blocks and no hole; each pass would change its times, and read it anew (OpenZFS)."""
    (tmp_path / "log").write_bytes(b"x" * (1 << 20))
    os.utime(tmp_path / "log", ns=(5, 7))
    before = (tmp_path / "log").stat()
    tree = Tree(str(tmp_path))
    (found,) = (item for item in tree.scan() if item.kind == "f")
    assert target.finish(tree, [(found._replace(blocks=2048), found._replace(blocks=9))]) == []
    assert (tmp_path / "log").stat().st_ctime_ns == before.st_ctime_ns


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


class Refused:
    """Calls of the system that a file system does not know."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, *_: object, **__: object) -> None:
        """Refuse."""
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("setxattr", ["extended attributes", "trusted attributes", "ACLs"]),
        ("symlink", ["symbolic links"]),
        ("link", ["hard links"]),
        ("mkfifo", ["fifos"]),
        ("chown", ["large user numbers"]),
    ],
)
def test_what_a_file_system_cannot_keep_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, words: list[str]
) -> None:
    """All of it at once; the trial leaves nothing behind there either."""
    before = target.lacking(str(tmp_path))
    monkeypatch.setattr(os, call, Refused(errno.EPERM))
    found = target.lacking(str(tmp_path))
    monkeypatch.undo()
    assert set(found) - set(before) == set(words) - set(before)
    assert list(tmp_path.iterdir()) == []


def test_times_of_whole_seconds_are_too_coarse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pass would find all files changed."""
    really = os.utime
    monkeypatch.setattr(os, "utime", lambda path, ns: really(path, ns=(ns[0] // 10**9 * 10**9,) * 2))
    assert "times in nanoseconds" in target.lacking(str(tmp_path))


@pytest.mark.parametrize("kind", ["f", "d"])
def test_what_became_another_kind_is_left_to_the_next_round(tmp_path: Path, kind: str) -> None:
    """A link in its place is not followed out of the volume."""
    (tmp_path / "volume").mkdir()
    outside = tmp_path / "outside"
    outside.mkdir() if kind == "d" else outside.write_bytes(b"x")
    before = outside.stat()
    (tmp_path / "volume/it").symlink_to(outside)
    source = entry(b"it", kind=kind, size=5000, blocks=16, mtime=77)
    found = source._replace(blocks=0, mtime=1)
    assert target.finish(Tree(str(tmp_path / "volume")), [(source, found)]) == []
    assert (outside.stat().st_mtime_ns, outside.stat().st_size) == (before.st_mtime_ns, before.st_size)


def test_flags_that_the_file_system_refuses_are_told_with_the_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass does not go on as if they were set."""
    (tmp_path / "it").write_bytes(b"x")
    monkeypatch.setattr("fcntl.ioctl", Refused(errno.EOPNOTSUPP))
    with pytest.raises(OSError, match=r"flags of chattr: .*: 'it'"):
        target.free_flags(Tree(str(tmp_path)), [entry(b"it", flags=IMMUTABLE)])


@pytest.mark.parametrize(
    ("size", "blocks", "is_full"), [(0, 0, False), (4096, 8, True), (1 << 20, 2028, True), (1 << 20, 2000, False)]
)
def test_a_file_is_full_when_nearly_all_of_its_blocks_are_there(size: int, blocks: int, *, is_full: bool) -> None:
    """A file system counts some for itself; an empty file has nothing to reserve."""
    assert target._is_full(entry(size=size, blocks=blocks)) is is_full
