"""A piece is on the disk or it is not in the file, whatever the disk does."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from migrator.errors import JournalError
from migrator.journal.disk import PieceFile


@contextmanager
def full_at(size: int) -> Iterator[None]:
    """Let no file of this process grow over a size: what a full disk does to it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Disk:
    """Keeps which files and folders were forced on the disk; can be told to fail at it."""

    def __init__(self) -> None:
        self.synced: list[Path] = []
        self.error = 0
        self.only = ""

    def fsync(self, file: int) -> None:
        """Force one."""
        path = Path(f"/proc/self/fd/{file}").readlink()
        if self.error and path.name.endswith(self.only):
            raise OSError(self.error, os.strerror(self.error))
        self.synced.append(path)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return the disk of this test."""
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    return disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is to be."""
    return tmp_path / "journal"


def test_a_new_file_and_its_new_folders_are_on_the_disk_by_their_names(tmp_path: Path, disk: Disk) -> None:
    """A power loss after the first piece must not take the file away; later, the file alone is forced."""
    path = tmp_path / "a" / "b" / "journal"
    file = PieceFile(path)
    file.add(b"one\n")
    file.sync()
    assert sorted(disk.synced) == [tmp_path, tmp_path / "a", tmp_path / "a" / "b", path]
    disk.synced.clear()
    file.add(b"two\n")
    file.sync()
    assert disk.synced == [path]
    file.close()


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_sync_a_folder_is_no_fault(path: Path, disk: Disk, code: int) -> None:
    """Some network mounts answer so; there is no more to be had there."""
    disk.error, disk.only = code, path.parent.name
    file = PieceFile(path)
    file.add(b"one\n")
    file.sync()
    assert disk.synced == [path]
    file.close()


def test_a_disk_that_failed_once_is_not_believed_again(path: Path, disk: Disk) -> None:
    """Linux reports a lost page to one fsync only, and the next one succeeds although the page is lost."""
    file = PieceFile(path)
    disk.error = errno.EIO
    with pytest.raises(JournalError, match="cannot be written: Input/output error"):
        file.sync()
    disk.error = 0
    with pytest.raises(JournalError, match="the disk has failed to keep what was written"):
        file.sync()
    file.close()


def test_a_file_that_was_deleted_is_an_error_before_the_change(path: Path) -> None:
    """What is written to it would be gone with the process."""
    file = PieceFile(path)
    file.sync()
    path.unlink()
    with pytest.raises(JournalError, match="was deleted or replaced during this run"):
        file.sync()
    file.close()


@pytest.mark.parametrize("room", [0, 2, 9])
def test_a_piece_that_the_disk_refuses_leaves_nothing(path: Path, room: int) -> None:
    """Not half of it, and not the first of two lines; the next piece follows the last whole one."""
    file = PieceFile(path)
    file.add(b"one\n")
    with full_at(4 + room), pytest.raises(JournalError, match="cannot be written: File too large"):
        file.add(b"second\nthird\n")
    assert path.read_bytes() == b"one\n"
    file.add(b"2\n")
    file.close()
    assert path.read_bytes() == b"one\n2\n"


def test_room_that_was_reserved_is_there_on_a_full_disk(path: Path) -> None:
    """Other pieces do not take it; an undo's do, and the file ends with them."""
    file = PieceFile(path)
    file.reserve(100)
    file.add(b"before\n")
    with full_at(path.stat().st_size):
        with pytest.raises(JournalError, match="cannot be written"):
            file.add(b"refused\n")
        file.use_reserve()
        file.add(b"undo 1\n")
        file.add(b"undo 2\n")
        assert path.read_bytes().rstrip(b"\0") == b"before\nundo 1\nundo 2\n"
        file.close()
    assert path.read_bytes() == b"before\nundo 1\nundo 2\n"


def test_room_that_is_not_there_is_said_before_it_is_needed(path: Path) -> None:
    """A cutover begins only where its undo could be recorded."""
    file = PieceFile(path)
    with full_at(50), pytest.raises(JournalError, match="no room for 100 bytes: File too large") as caught:
        file.reserve(100)
    assert "free space" in caught.value.hint
    file.close()
    assert path.read_bytes() == b""


def test_a_piece_that_does_not_fit_into_the_room_leaves_nothing(path: Path) -> None:
    """What is left of it in the reserve is zeros again, and a smaller piece still fits."""
    file = PieceFile(path)
    file.reserve(10)
    file.use_reserve()
    with full_at(10):
        with pytest.raises(JournalError):
            file.add(b"1\n2\n3\n4\n5\n6\n")
        assert path.read_bytes() == bytes(10)
        file.add(b"small\n")
    file.close()
    assert path.read_bytes() == b"small\n"


def test_a_killed_run_leaves_its_room_to_the_next(path: Path) -> None:
    """The way back of a killed cutover begins on a disk that is full by now."""
    killed = PieceFile(path)
    killed.add(b"shift\n")
    killed.reserve(100)
    os.close(killed._file)
    with full_at(path.stat().st_size):
        file = PieceFile(path)
        file.add(b"undo\n")
        assert path.read_bytes().rstrip(b"\0") == b"shift\nundo\n"
        file.close()
    assert path.read_bytes() == b"shift\nundo\n"


@pytest.mark.parametrize(
    ("code", "words", "hint"),
    [
        (errno.EAGAIN, "another run of migrator is using it", "wait"),
        (errno.ENOLCK, "cannot be locked: No locks available", "local disk"),
        (errno.ENOTSUP, "cannot be locked: Operation not supported", "local disk"),
    ],
)
def test_a_lock_that_is_not_had_is_told_as_what_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str, hint: str
) -> None:
    """A file system without locks is not another run that one could wait for."""

    def flock(_file: int, _operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(JournalError, match=words) as caught:
        PieceFile(path)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("path", "another", "words"),
    [
        ("journal.jsonl", True, "run this as that user, who has begun it"),
        ("closed/journal.jsonl", True, "run this as that user, who has begun it"),
        ("journal.jsonl", False, "let this user read and write it"),
    ],
)
def test_a_journal_of_another_user_is_not_begun_anew_elsewhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    another: bool,  # noqa: FBT001
    words: str,
) -> None:
    """`sudo migrator copy` has begun it: another --state-dir would know nothing of what was copied and handed over."""

    def refused(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    (tmp_path / "journal.jsonl").touch()
    (tmp_path / "closed").mkdir()
    owner = os.getuid()
    monkeypatch.setattr(os, "open", refused)
    monkeypatch.setattr(os, "getuid", lambda: owner + 1 if another else owner)
    with pytest.raises(JournalError, match="cannot be opened: Permission denied") as caught:
        PieceFile(tmp_path / path)
    assert words in caught.value.hint
    assert "--state-dir" not in caught.value.hint
