"""A locked file at whose end whole pieces are added: after a failure, a kill or a power loss each is there or not there."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from migrator.errors import JournalError

_ROOM = "free space on that disk, then run again: the run continues where the journal ends"
_ELSEWHERE = "--state-dir names another folder"
# What file systems answer that cannot sync a folder, or cannot reserve room.
_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


class PieceFile:
    """Holds an exclusive lock on the file until `close`; every error is a JournalError that names the file.

    A piece is written at the end of the last whole one, so that the rest of one that failed is overwritten by the next.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            new_folders = _missing(path.parent)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # No O_APPEND: pwrite(2) on such a file ignores its offset and writes behind the reserved zeros.
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalError(f"{path}: cannot be opened: {error.strerror}", hint=advice(path, error)) from error
        self.end = 0
        """Where the last whole piece ends."""
        # Folders that may not have their new entry on disk.
        # fsync of a file does not put its name on the disk: the folder has to be synced for that (fsync(2)).
        self._unnamed = [path.parent, *(folder.parent for folder in new_folders)]
        # Bytes behind the end that pieces leave free.
        self._room = 0
        # Up to where the file has room on the disk; what lies behind the end is zeros, or what is left of a failed piece.
        self._size = 0
        # Whether the kernel has failed to write, and may have forgotten what it had not written.
        self._doubtful = False
        with contextlib.ExitStack() as unless_done:
            unless_done.callback(os.close, self._file)
            self._lock()
            self._find_end()
            unless_done.pop_all()

    def close(self) -> None:
        """Give back the reserved room, and the lock."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self.end)
        os.close(self._file)

    def add(self, piece: bytes) -> None:
        """Write a piece at the end; when the disk refuses it, the file stays as it is for all who read it."""
        try:
            # Before the write: a piece that would take the reserve is refused as a whole.
            if self._room:
                self._extend(self.end + len(piece) + self._room)
            _write_whole(self._file, piece, self.end)
        except OSError as error:
            self.cut(self.end)
            raise self._unwritable(error) from error
        self.end += len(piece)
        self._size = max(self._size, self.end)

    def cut(self, end: int) -> None:
        """Take back what was added behind `end`; room that was reserved stays."""
        reserved = self._size > self.end
        self.end = end
        if not reserved:
            self._size = end
        # Where this fails, too, the next piece overwrites the rest, and the next run cuts it back.
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self._size)
            _write_whole(self._file, bytes(self._size - end), end)

    def sync(self) -> None:
        """Force on the disk what was added, and the names of the file and its new folders.

        After one failure it fails for good: Linux drops what it could not write, and reports that once (fsync(2), EIO).
        """
        if self._doubtful:
            raise JournalError(f"{self.path}: the disk has failed to keep what was written", hint="look at that disk")
        try:
            # Writes to a deleted file succeed, and nobody would ever read them.
            if not os.fstat(self._file).st_nlink:
                raise JournalError(f"{self.path}: was deleted or replaced during this run", hint="restore it, then run again")
            os.fsync(self._file)
            # The highest folder is last in the list, and first here.
            while self._unnamed:
                sync_folder(self._unnamed[-1])
                self._unnamed.pop()
        except OSError as error:
            self._doubtful = True
            raise self._unwritable(error) from error

    def reserve(self, size: int) -> None:
        """Keep this much room for later: pieces are refused before they take it, until `use_reserve`."""
        try:
            self._extend(self.end + size)
        except OSError as error:
            raise JournalError(f"{self.path}: no room for {size} bytes: {error.strerror}", hint=_ROOM) from error
        self._room = size

    def use_reserve(self) -> None:
        """Let pieces take the room that was kept."""
        self._room = 0

    def _lock(self) -> None:
        try:
            # flock belongs to the open file: the kernel releases it when the process dies, so no stale lock is left (flock(2)).
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(f"{self.path}: another run of migrator is using it", hint="wait for it to end") from None
        except OSError as error:
            raise JournalError(
                f"{self.path}: cannot be locked: {error.strerror}",
                hint="the file system there keeps no locks, as some network mounts do: give --state-dir a folder on a local disk",
            ) from error

    def _find_end(self) -> None:
        """Find the last line break, and cut the half line that a killed run may have left behind it.

        The zeros of its reserve stay: an undo on a full disk needs them.
        """
        try:
            # Read after the lock was taken: the end must be that of the last run, not of one that is still writing.
            raw = self.path.read_bytes()
            self.end = raw.rfind(b"\n") + 1
            self._size = len(raw)
            if raw[self.end :].strip(b"\0"):
                os.ftruncate(self._file, self.end)
                self._size = self.end
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be read: {error.strerror}", hint=_ELSEWHERE) from error

    def _extend(self, size: int) -> None:
        if size <= self._size:
            return
        try:
            # Written zeros are no room where a file system copies on write; macOS knows nothing else.
            if allocate := getattr(os, "posix_fallocate", None):
                allocate(self._file, self._size, size - self._size)
            else:
                _write_whole(self._file, bytes(size - self._size), self._size)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            _write_whole(self._file, bytes(size - self._size), self._size)
        self._size = size

    def _unwritable(self, error: OSError) -> JournalError:
        return JournalError(f"{self.path}: cannot be written: {error.strerror}", hint=_ROOM)


def advice(path: Path, error: OSError) -> str:
    """Return what to do about a journal that this user may not use: in another folder the migration would begin anew."""
    if not isinstance(error, PermissionError):
        return _ELSEWHERE
    with contextlib.suppress(OSError):
        # The folder, where it does not even let this user see the file.
        known = next(place for place in (path, *path.parents) if os.path.lexists(place))
        owner = known.lstat().st_uid
        if owner != os.getuid():
            return f"it is of user {_name(owner)}: run this as that user, who has begun it"
    return "let this user read and write it: it tells what was done so far"


def _name(user: int) -> str:
    import pwd  # only for this message

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _write_whole(file: int, data: bytes, at: int) -> None:
    """Write all of it: a disk that is nearly full, or a signal, makes a write end early (write(2))."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, at)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest, at = rest[written:], at + written


def _missing(folder: Path) -> list[Path]:
    """Return the folders that must be made for this one, itself first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    return missing


def sync_folder(folder: Path) -> None:
    """Force a folder's entries on the disk, where that is possible and allowed."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    # A folder may be writable and not readable for this user; its entry is then on the disk when the kernel writes it.
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)
