"""The folder that data goes to: what it must offer, and what rsync does not set there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import struct
from collections.abc import Callable, Iterable, Iterator

from migrator.volumes.agent.entries import Entry, place, shown
from migrator.volumes.agent.tree import APPEND, IMMUTABLE, KEPT_FLAGS, Tree, set_flags

# A file system counts blocks for its own notes, so a whole file may have a few less, or more.
_SPARSE_SHARE = 0.99
# An ACL that names a user (acl(5), in the form of the attribute system.posix_acl_access).
_ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, rights, who)
    for tag, rights, who in ((1, 6, 0xFFFFFFFF), (2, 4, 65534), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 4, 0xFFFFFFFF))
)
ATTRIBUTES = frozenset({"extended attributes", "trusted attributes", "ACLs"})
"""What a file system may lack where no object of the source has it: an NFS server keeps no trusted attributes and other ACLs."""
# File systems with times of whole seconds, or of two, do not keep it.
_ODD_TIME = 1_000_000_000_123_456_789


def lacking(root: str) -> list[str]:
    """Return what the file system of a folder cannot keep, tried with a folder of its own there, which is removed."""
    trial = f"{root}/.migrator-{secrets.token_hex(4)}"
    try:
        os.mkdir(trial, 0o700)
    except OSError as error:
        return [f"nothing can be written there: {error.strerror}"]
    try:
        return list(_trials(trial))
    finally:
        for name in os.listdir(trial):
            os.unlink(f"{trial}/{name}")
        os.rmdir(trial)


def _trials(trial: str) -> Iterator[str]:
    path = f"{trial}/a"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    for name, value, word in (
        ("user.migrator", b"1", "extended attributes"),
        ("trusted.migrator", b"1", "trusted attributes"),
        ("system.posix_acl_access", _ACL, "ACLs"),
    ):
        try:
            os.setxattr(path, name, value)
        except OSError:
            yield word
    if os.path.exists(f"{trial}/A"):
        yield "names that differ in case only"
    os.utime(path, ns=(_ODD_TIME, _ODD_TIME))
    if os.stat(path).st_mtime_ns != _ODD_TIME:
        yield "times in nanoseconds"
    attempts: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: os.symlink("a", f"{trial}/l"), "symbolic links"),
        (lambda: os.link(path, f"{trial}/h"), "hard links"),
        (lambda: os.mkfifo(f"{trial}/p"), "fifos"),
        (lambda: os.close(os.open(os.fsencode(trial) + b"/\xff\n", os.O_CREAT | os.O_WRONLY, 0o600)), "names of any bytes"),
        (lambda: os.chown(path, 65537, 4294967294), "large user numbers"),
    )
    for make, word in attempts:
        try:
            make()
        except OSError:
            yield word


def free_flags(tree: Tree, known: Iterable[Entry]) -> int:
    """Take the flags off that forbid changes, from objects that an earlier pass gave them; return how many."""
    return sum(_flagged(tree, entry, 0) for entry in known if entry.flags & (IMMUTABLE | APPEND))


def finish(tree: Tree, wanted: Iterable[tuple[Entry, Entry]]) -> list[bytes]:
    """Give pairs of source and target what rsync does not: reserved blocks, times of folders, flags last; return what changed.

    Whatever rsync puts into a folder changes the folder's time, and it sets that only of folders that it was asked for. Folders get
    their flags after what is in them.
    """
    changed: list[bytes] = []
    flagged: list[Entry] = []
    for source, found in wanted:
        if source.kind == "f" and _is_full(source) and not _is_full(found) and _reserved(tree, source):
            changed.append(source.path)
        if source.kind == "d" and source.mtime != found.mtime and _timed(tree, source):
            changed.append(source.path)
        if source.flags != found.flags:
            flagged.append(source)
    last_first = sorted(flagged, key=lambda item: place(item.path), reverse=True)
    changed += [entry.path for entry in last_first if _flagged(tree, entry, entry.flags & KEPT_FLAGS)]
    return sorted(set(changed), key=place)


def _is_full(entry: Entry) -> bool:
    return entry.size > 0 and entry.blocks * 512 >= entry.size * _SPARSE_SHARE


def _reserved(tree: Tree, entry: Entry) -> bool:
    with contextlib.suppress(OSError), tree.opened_folder(entry.path) as (folder, name):
        fd = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            # Fewer blocks without a hole: the file system compresses (ZFS), and each pass would change and read all files again.
            if os.lseek(fd, 0, os.SEEK_HOLE) >= entry.size:
                return False
            os.posix_fallocate(fd, 0, entry.size)
            os.utime(fd, ns=(entry.mtime, entry.mtime))
        finally:
            os.close(fd)
        return True
    return False


def _timed(tree: Tree, folder: Entry) -> bool:
    with contextlib.suppress(OSError), tree.opened_folder(folder.path) as (above, name):
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
        try:
            os.utime(fd, ns=(os.fstat(fd).st_atime_ns, folder.mtime))
        finally:
            os.close(fd)
        return True
    return False


def _flagged(tree: Tree, entry: Entry, wanted: int) -> bool:
    """Set an object's flags; one that is gone has none."""
    try:
        with tree.opened_folder(entry.path) as (folder, name):
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            try:
                set_flags(fd, wanted)
            finally:
                os.close(fd)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return False
        raise OSError(error.errno, f"flags of chattr: {error.strerror}", shown(entry.path)) from error
    return True
