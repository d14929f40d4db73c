"""Make a folder again what a list says that it was, with files that were moved away; objects that did not change are not opened."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator

from migrator.volumes.agent.compare import Leaders, differences, paired
from migrator.volumes.agent.entries import ROOT, Entry, parent, place, shown
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.tree import APPEND, IMMUTABLE, KEPT_FLAGS, Tree, content_digest, set_flags, xattrs_of

# O_NONBLOCK: opening a fifo would wait for its other end. O_NOFOLLOW: a name may have become a link since it was looked at.
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MODES = {"p": stat.S_IFIFO, "s": stat.S_IFSOCK, "b": stat.S_IFBLK, "c": stat.S_IFCHR}
# Read and written at a time.
_CHUNK = 1 << 20
_SHOWN = 3


class RestoreError(Exception):
    """A folder cannot be made what it was."""


def restore(root: str, wanted: Callable[[], Iterator[Entry]], backups: list[str], exclude: Exclude | None = None) -> int:
    """Return how many objects were put back or removed; raises RestoreError, TreeError, ListError or OSError.

    `wanted` yields the whole list each time, with attributes and digests; `backups` are folders in which files may lie at their
    paths. What is left out stays as it is.
    """
    one = _Restore(Tree(root, exclude), backups)
    leaders = Leaders()
    for old, new in paired(wanted(), one.tree.scan()):
        leader = leaders.of(old) if old else b""
        if old is None and new is not None:
            one.extra.append(new.path)
        elif old is not None and (new is None or new.stamp != old.stamp or new.kind != old.kind):
            one.altered[old.path] = old
            one.leaders[old.path] = leader
            if new is not None and new.kind != old.kind:
                one.extra.append(new.path)
    if not one.extra and not one.altered:
        return 0
    beside = {parent(path) for path in (*one.extra, *one.altered)} | {ROOT}
    one.folders = {entry.path: entry for entry in wanted() if entry.path in beside}
    one.work()
    one.require_equal(wanted)
    return len(one.extra) + len(one.altered)


class _Restore:
    """One restoration under way."""

    def __init__(self, tree: Tree, backups: list[str]) -> None:
        self.tree = tree
        self.backups = [Tree(path) for path in backups]
        self.extra: list[bytes] = []
        """What is not to be there, or is of another kind."""
        self.altered: dict[bytes, Entry] = {}
        """What is missing, or may have changed."""
        self.leaders: dict[bytes, bytes] = {}
        """The first name of each altered object."""
        self.folders: dict[bytes, Entry] = {}
        """The folders around."""
        self._taken: dict[int, bytes] = {}

    def work(self) -> None:
        """Remove, make, fill, and give all of it what it had."""
        touched = sorted({*self.extra, *self.altered, *self.folders}, key=place)
        for entry in self.tree.look(touched):
            # Until they are taken away nothing can be changed or renamed there (chattr(1)).
            if entry.flags & (IMMUTABLE | APPEND):
                self._set_flags(entry.path, 0)
        # What is in a folder goes before the folder.
        for path in sorted(self.extra, key=place, reverse=True):
            self._remove(path)
        for path, entry in sorted(self.altered.items(), key=lambda pair: place(pair[0])):
            self._make(path, entry)
        both = {**self.folders, **self.altered}
        # A change in a folder changes its time, so a folder comes after what is in it.
        last_first = [both[path] for path in sorted(both, key=place, reverse=True)]
        for entry in last_first:
            self._dress(entry)
        for entry in last_first:
            # Last of all: nothing can be changed afterwards.
            if entry.flags:
                self._set_flags(entry.path, entry.flags & KEPT_FLAGS)

    def require_equal(self, wanted: Callable[[], Iterator[Entry]]) -> None:
        """Raise RestoreError unless names are those of the list, and all that was touched is as it was."""
        wrong = [shown((a or b).path) for a, b in paired(wanted(), self.tree.scan()) if a is None or b is None]  # type: ignore[union-attr]
        both = {**self.folders, **self.altered}
        paths = sorted(both, key=place)
        wrong += [str(item) for item in differences((both[path] for path in paths), self.tree.look(paths))]
        if wrong:
            raise RestoreError(f"{len(wrong)} objects are not what they were: {'; '.join(wrong[:_SHOWN])}")

    def _remove(self, path: bytes) -> None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), self.tree.opened_folder(path) as (folder, name):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                os.rmdir(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)

    def _make(self, path: bytes, entry: Entry) -> None:
        leader = self.leaders[path]
        if path == ROOT:
            return
        if entry.kind != "d" and leader != path:
            self._link(leader, path)
            return
        with self.tree.opened_folder(path) as (folder, name):
            found = _stat(folder, name)
            if entry.kind == "d":
                if found is None:
                    # Closed until it has its owner and mode.
                    os.mkdir(name, 0o700, dir_fd=folder)
                return
            if entry.kind == "f":
                self._fill(folder, name, entry, found)
            elif found is None or not _is(folder, name, entry, found) or self._is_shared(found, entry):
                staged = _staged()
                if entry.kind == "l":
                    os.symlink(entry.target, staged, dir_fd=folder)
                else:
                    os.mknod(staged, _MODES[entry.kind] | 0o600, entry.device, dir_fd=folder)
                os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
            self._taken[os.stat(name, dir_fd=folder, follow_symlinks=False).st_ino] = path

    def _fill(self, folder: int, name: bytes, entry: Entry, found: os.stat_result | None) -> None:
        """Let the file have its content: as it lies there, or from where rsync has moved it."""
        if found is not None and not self._is_shared(found, entry):
            fd = os.open(name, _OPEN, dir_fd=folder)
            try:
                if os.fstat(fd).st_size == entry.size and content_digest(fd, entry.size) == entry.digest:
                    return
            finally:
                os.close(fd)
        # Made under another name and renamed: killed at any moment, either the old file or the new one is there.
        source, staged = self._content(entry), _staged()
        try:
            _write(folder, staged, os.O_CREAT | os.O_EXCL, source, entry.size)
            os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or found is None or self._is_shared(found, entry):
                raise
            # A file that has no room beside itself was changed where it lay; its content stays kept until all is done.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(staged, dir_fd=folder)
            _write(folder, name, os.O_TRUNC, source, entry.size)
        finally:
            os.close(source)

    def _content(self, entry: Entry) -> int:
        """Return an open file with the content that an object had."""
        for tree in (self.tree, *self.backups):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), tree.opened_folder(entry.path) as (folder, name):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISREG(found.st_mode) or found.st_size != entry.size:
                    continue
                fd = os.open(name, _OPEN, dir_fd=folder)
                if content_digest(fd, entry.size) == entry.digest:
                    return fd
                os.close(fd)
        raise RestoreError(f"{shown(entry.path)}: its previous content is not kept anywhere")

    def _is_shared(self, found: os.stat_result, entry: Entry) -> bool:
        """Return whether the object has other names than it had: what is done to it would be done to those, too."""
        return found.st_ino in self._taken or found.st_nlink > entry.links

    def _link(self, leader: bytes, path: bytes) -> None:
        with self.tree.opened_folder(leader) as (there, first), self.tree.opened_folder(path) as (folder, name):
            found = _stat(folder, name)
            if found is not None and found.st_ino == os.stat(first, dir_fd=there, follow_symlinks=False).st_ino:
                return
            staged = _staged()
            os.link(first, staged, src_dir_fd=there, dst_dir_fd=folder, follow_symlinks=False)
            os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)

    def _dress(self, entry: Entry) -> None:
        """Give an object owner, mode, attributes and time; owners first, since changing them takes setuid and capabilities."""
        with self.tree.opened_folder(entry.path) as (folder, name):
            # There is no call for attributes by folder and name; this path leads through the folder that is open.
            where = b"/proc/self/fd/%d/%s" % (folder, name)
            os.chown(name, entry.uid, entry.gid, dir_fd=folder, follow_symlinks=False)
            if entry.kind != "l":
                # Not for links: Linux has no mode of a link, and chmod would follow it.
                os.chmod(where, entry.mode)
            there = dict(xattrs_of(where))
            for key in there.keys() - dict(entry.xattrs).keys():
                os.removexattr(where, key, follow_symlinks=False)
            for key, value in entry.xattrs:
                if there.get(key) != value:
                    os.setxattr(where, key, bytes.fromhex(value), follow_symlinks=False)
            os.utime(name, ns=(entry.mtime, entry.mtime), dir_fd=folder, follow_symlinks=False)

    def _set_flags(self, path: bytes, flags: int) -> None:
        with self.tree.opened_folder(path) as (folder, name):
            fd = os.open(name, _OPEN, dir_fd=folder)
            try:
                set_flags(fd, flags)
            finally:
                os.close(fd)


def _staged() -> bytes:
    return f".migrator-{secrets.token_hex(8)}".encode()


def _stat(folder: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is(folder: int, name: bytes, entry: Entry, found: os.stat_result) -> bool:
    """Return whether a link, fifo, socket or device is the one of the list."""
    if entry.kind == "l":
        return os.readlink(name, dir_fd=folder) == entry.target
    return entry.kind not in "bc" or found.st_rdev == entry.device


def _write(folder: int, name: bytes, how: int, source: int, size: int) -> None:
    """Write a file's content, on disk."""
    made = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | how, 0o600, dir_fd=folder)
    try:
        _copy(source, made, size)
        os.fsync(made)
    finally:
        os.close(made)


def _copy(source: int, target: int, size: int) -> None:
    """Copy what is not a hole."""
    os.ftruncate(target, size)
    position = 0
    while position < size:
        try:
            position = os.lseek(source, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # the rest is a hole
                return
            raise
        end = min(os.lseek(source, position, os.SEEK_HOLE), size)
        while position < end:
            block = os.pread(source, min(_CHUNK, end - position), position)
            if not block:
                return
            position += os.pwrite(target, block, position)
