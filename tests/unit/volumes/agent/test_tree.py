"""A tree on a real file system is read, and not changed."""

from __future__ import annotations

import errno
import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.volumes.agent.compare import differences
from migrator.volumes.agent.entries import ROOT, place
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.tree import (
    APPEND,
    IMMUTABLE,
    Tree,
    TreeError,
    _block,
    _entry,
    content_digest,
    flags_of,
    set_flags,
    xattrs_of,
)
from migrator.volumes.agent.users import Mount


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


@pytest.mark.parametrize("inside", ["a/folder", "a/file"])
def test_what_is_bound_into_a_volume_is_not_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str) -> None:
    """It may be a folder of the same file system, with the same device number, where others write; it would come along."""
    (tmp_path / "a/folder").mkdir(parents=True)
    (tmp_path / "a/file").touch()
    mounted = [Mount("8:1", "/other", f"{tmp_path}{point}", "ext4", "/dev/sda1") for point in ("", f"/{inside}", "-b/c")]
    monkeypatch.setattr("migrator.volumes.agent.tree.mounts", lambda: iter(mounted))
    with pytest.raises(TreeError, match=f"something is mounted in it: {inside}"):
        list(Tree(str(tmp_path)).scan())
    assert [item.path for item in Tree(str(tmp_path), Exclude(("a",))).scan()] == [ROOT]


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


@pytest.mark.parametrize("path", [b"..", b"a/..", b"../b", b"/etc", b"./b", b"b/.", b"a/../../etc"])
def test_no_path_leads_out_of_the_volume(made: Path, path: bytes) -> None:
    """A list of another host may name anything."""
    with pytest.raises((NotADirectoryError, FileNotFoundError)), Tree(str(made / "b")).opened_folder(path) as (folder, name):
        os.stat(name, dir_fd=folder)


def answers_once(really: Callable[..., Any], number: int) -> Callable[..., Any]:
    """Return a call that fails with this number for the first file, and else does what it should."""
    left = [number]

    def call(*words: Any, **more: Any) -> Any:
        if left and (more.get("dir_fd") is not None or isinstance(words[0], int)):
            found = left.pop()
            raise OSError(found, os.strerror(found))
        return really(*words, **more)

    return call


@pytest.mark.parametrize("number", [errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.ENOENT])
def test_what_changes_its_kind_while_it_is_looked_at_is_left_to_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A tree that lives is not an error."""
    (tmp_path / "a").write_bytes(b"x")
    tree = Tree(str(tmp_path))
    monkeypatch.setattr(os, "open", answers_once(os.open, number))
    assert list(tree.look([b"a"])) == []
    assert [item.path for item in tree.look([b"a"])] == [b"a"]


def test_a_file_of_another_owner_is_read_with_its_access_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the right to leave that alone it is still read (open(2), EPERM)."""
    (tmp_path / "a").write_bytes(b"x")
    tree = Tree(str(tmp_path))
    wanted = list(tree.look([b"a"]))
    monkeypatch.setattr(os, "open", answers_once(os.open, errno.EPERM))
    assert list(tree.look([b"a"])) == wanted


@pytest.mark.parametrize("call", ["open", "pread"])
def test_an_object_that_cannot_be_read_is_named_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """A disk that fails is never a file without content."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a").write_bytes(b"x")
    tree = Tree(str(tmp_path))
    folder = os.open(tmp_path / "deep", os.O_RDONLY)
    monkeypatch.setattr(os, call, answers_once(getattr(os, call), errno.EIO))
    with pytest.raises(OSError, match=r"Input/output error: 'deep/a'"):
        _entry(folder, b"a", b"deep/a", whole=True)
    monkeypatch.undo()
    os.close(folder)
    assert [item.path for item in tree.read()] == [ROOT, b"deep", b"deep/a"]


def test_a_file_that_is_written_while_it_is_read_has_no_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be that of neither content; the next round reads it again."""
    path = tmp_path / "a"
    path.write_bytes(b"x" * 10)
    really = os.pread

    def grows(fd: int, length: int, offset: int) -> bytes:
        with path.open("ab") as file:
            file.write(b"y")
        return really(fd, length, offset)

    monkeypatch.setattr(os, "pread", grows)
    (found,) = Tree(str(tmp_path)).look([b"a"])
    assert (found.digest, found.whole) == ("", True)


def test_a_file_that_shrinks_while_it_is_read_ends_there(tmp_path: Path) -> None:
    """Its reading does not wait for bytes that will not come."""
    (tmp_path / "a").write_bytes(b"x" * 10)
    with (tmp_path / "a").open("rb") as file:
        assert _block(file.fileno(), 5, 100) == b"x" * 5
        assert _block(file.fileno(), 50, 100) == b""
        assert content_digest(file.fileno(), 1 << 20) != content_digest(file.fileno(), 10)


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1])
def test_a_hole_alone_is_read_as_nothing(tmp_path: Path, size: int) -> None:
    """Its digest is that of its size."""
    (tmp_path / "hole").touch()
    os.truncate(tmp_path / "hole", size)
    assert digest_of(tmp_path / "hole") == hashlib.sha256(struct.pack("<Q", size)).hexdigest()


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EPERM, errno.EIO])
def test_a_file_system_without_attributes_has_none_and_a_broken_one_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """What could not be read is not taken for what is not there."""

    def refuses(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "listxattr", refuses)
    if number == errno.EIO:
        with pytest.raises(OSError, match="Input/output"):
            xattrs_of(os.fsencode(tmp_path))
        return
    assert xattrs_of(os.fsencode(tmp_path)) == ()


def test_attributes_of_the_host_itself_do_not_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A label of another host's policy keeps its kubelet out; ACLs are of the data, and what layers of images in a volume hold."""
    names = [
        "security.selinux",
        "user.b",
        "system.nfs4_acl",
        "system.posix_acl_access",
        "trusted.overlay.opaque",
        "trusted.overlay.origin",
        "ceph.dir.entries",
        "user.gone",
        "user.a",
    ]

    def value(_: object, name: str, **__: object) -> bytes:
        if name == "user.gone":
            raise OSError(errno.ENODATA, "gone")
        return name.encode()

    monkeypatch.setattr(os, "listxattr", lambda *_, **__: names)
    monkeypatch.setattr(os, "getxattr", value)
    found = xattrs_of(os.fsencode(tmp_path))
    assert [(name, bytes.fromhex(text).decode()) for name, text in found] == [
        (name, name) for name in ("system.posix_acl_access", "trusted.overlay.opaque", "user.a", "user.b")
    ]


def test_which_kinds_of_attributes_a_tree_has_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for those of what is left out, and of the host."""
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    names = {"a": ["user.x", "security.selinux"], "b": ["system.posix_acl_access"], "c": ["trusted.x"]}

    def listed(where: bytes, **_: object) -> list[str]:
        return names.get(os.fsdecode(where)[-1], [])

    monkeypatch.setattr(os, "listxattr", listed)
    monkeypatch.setattr(os, "getxattr", lambda *_, **__: b"1")
    assert Tree(str(tmp_path)).attributes() == ["ACLs", "extended attributes", "trusted attributes"]
    assert Tree(str(tmp_path), Exclude(("b", "c"))).attributes() == ["extended attributes"]


def test_flags_are_read_and_only_those_that_are_kept_are_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are the file system's own, such as that it stores a file in extents."""
    extents, changed = 0x80000, []

    def ioctl(_: int, request: int, given: bytes) -> bytes:
        if request >> 30 == 1:
            changed.append(struct.unpack("l", given)[0])
        return struct.pack("l", extents | IMMUTABLE)

    monkeypatch.setattr("fcntl.ioctl", ioctl)
    with (tmp_path / "a").open("wb") as file:
        assert flags_of(file.fileno()) == IMMUTABLE
        set_flags(file.fileno(), APPEND)
        set_flags(file.fileno(), 0)
    assert changed == [extents | APPEND, extents]


def test_what_is_left_out_is_told_without_what_lies_in_it(made: Path) -> None:
    """Of the last walk alone."""
    tree = Tree(str(made), Exclude(["b", "pi*"]))
    for _ in range(2):
        assert tree.excluded() == [b"b", b"pipe"]


def opened(folder: Path) -> set[str]:
    """Return what of a folder this process has open below it."""
    found = {os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()}
    return {path for path in found if path.startswith(f"{folder}/")}


def test_a_walk_that_is_left_half_way_keeps_no_folder_open(made: Path) -> None:
    """A pass begins many of them."""
    walk = Tree(str(made)).scan()
    assert [next(walk).path for _ in range(3)] == [ROOT, b"b", b"b/file"]
    assert opened(made) == {f"{made}/b"}
    walk.close()  # type: ignore[attr-defined]
    assert opened(made) == set()
