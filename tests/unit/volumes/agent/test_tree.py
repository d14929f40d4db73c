"""A tree on a real file system is read, and not changed."""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

import pytest

from migrator.volumes.agent.compare import differences
from migrator.volumes.agent.entries import ROOT, place
from migrator.volumes.agent.tree import Tree, TreeError, content_digest


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Make a small tree."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b/file").write_bytes(b"content")
    (tmp_path / "b-").write_bytes(b"")
    (tmp_path / "link").symlink_to("b")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / os.fsdecode(b"\xff\n")).write_bytes(b"x")
    (tmp_path / "hard").hardlink_to(tmp_path / "b/file")
    return tmp_path


def test_all_is_found_in_order(made: Path) -> None:
    """Folders are entered, links are not, and a scan opens no file."""
    entries = list(Tree(str(made)).scan())
    assert [(item.path, item.kind) for item in entries] == [
        (ROOT, "d"),
        (b"b", "d"),
        (b"b/file", "f"),
        (b"b-", "f"),
        (b"hard", "f"),
        (b"link", "l"),
        (b"pipe", "p"),
        (b"\xff\n", "f"),
    ]
    assert [item.path for item in entries] == sorted((item.path for item in entries), key=place)
    assert not any(item.whole or item.digest for item in entries)


def test_a_reading_and_a_look_at_each_path_say_the_same(made: Path) -> None:
    """Attributes and digests are those of the objects; what is gone, or lies behind a link, is left out."""
    tree = Tree(str(made))
    whole = list(tree.read())
    paths = [item.path for item in whole]
    assert list(tree.look([*paths, b"gone", b"link/file", b"b/../b/file"])) == whole
    assert list(differences(whole, Tree(str(made)).read())) == []
    assert {item.path: item.target for item in whole if item.kind == "l"} == {b"link": b"b"}


def test_reading_touches_no_access_time(made: Path) -> None:
    """Blue is only read."""
    os.utime(made / "b/file", ns=(1000, 2000))
    list(Tree(str(made)).read())
    assert (made / "b/file").stat().st_atime_ns == 1000


def digest_of(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return content_digest(file.fileno(), path.stat().st_size)


def test_a_digest_is_that_of_the_content_whatever_the_holes(tmp_path: Path) -> None:
    """Zeros that are written, and zeros that are a hole, are the same; another byte, place or size is not."""
    written, hole = tmp_path / "written", tmp_path / "hole"
    written.write_bytes(bytes(1 << 20) + b"end" + bytes(5000))
    with hole.open("wb") as file:
        file.seek(1 << 20)
        file.write(b"end")
        file.truncate((1 << 20) + 5003)
    assert digest_of(written) == digest_of(hole)
    for other in (bytes(1 << 20) + b"enD" + bytes(5000), bytes(1 << 20) + b"end" + bytes(5001), bytes(9) + b"end" + bytes(1 << 20)):
        written.write_bytes(other)
        assert digest_of(written) != digest_of(hole)


def test_a_digest_can_be_computed_by_hand(tmp_path: Path) -> None:
    """As docs/volumes.md has it."""
    (tmp_path / "a").write_bytes(b"content")
    assert digest_of(tmp_path / "a") == hashlib.sha256(struct.pack("<Q", 7) + struct.pack("<Q", 0) + b"content").hexdigest()


def test_a_path_that_no_program_can_name_is_an_error(tmp_path: Path) -> None:
    """Longer than 4095 bytes: rsync would leave it out."""
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=fd)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    with pytest.raises(TreeError, match="longer than 4095 bytes: ddd"):
        list(Tree(str(tmp_path)).scan())


def test_the_file_system_s_own_folder_is_left_out(tmp_path: Path) -> None:
    """At the top only."""
    for name in ("lost+found", "a"):
        (tmp_path / name).mkdir()
    (tmp_path / "a/lost+found").mkdir()
    assert [item.path for item in Tree(str(tmp_path)).scan()] == [ROOT, b"a", b"a/lost+found"]


def test_the_second_form_of_an_acl_that_xfs_shows_is_not_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XFS lists trusted.SGI_ACL_FILE beside each ACL; another file system does not, and both are equal."""
    names = ["system.posix_acl_access", "trusted.SGI_ACL_FILE", "trusted.note", "user.note"]
    monkeypatch.setattr(os, "listxattr", lambda *_, **__: names)
    monkeypatch.setattr(os, "getxattr", lambda *_, **__: b"1")
    (root,) = Tree(str(tmp_path)).read()
    assert [name for name, _ in root.xattrs] == ["system.posix_acl_access", "trusted.note", "user.note"]
