"""Read a tree without changing it: no access time is touched, no symbolic link followed, no other file system entered."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import resource
import stat
import struct
from collections.abc import Iterable, Iterator

from migrator.volumes.agent.entries import ROOT, Entry, place, shown
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.users import mounts

LONGEST_PATH = 4095
"""Bytes of a whole path that Linux takes in one call (PATH_MAX with its final NUL), and rsync with it."""
LEFT_OUT = b"lost+found"
"""The folder of a file system's own that lies in its root."""
IMMUTABLE, APPEND = 0x10, 0x20
KEPT_FLAGS = IMMUTABLE | APPEND | 0x40 | 0x80
"""With no-dump and no-atime (linux/fs.h)."""
_LONG = struct.calcsize("l")
# FS_IOC_GETFLAGS and FS_IOC_SETFLAGS (linux/fs.h), which Python has no name for.
_GET_FLAGS, _SET_FLAGS = 2 << 30 | _LONG << 16 | ord("f") << 8 | 1, 1 << 30 | _LONG << 16 | ord("f") << 8 | 2
# Zeros of this size are a hole for both sides, whatever the file systems store.
_BLOCK = 128 * 1024
_ZEROS = bytes(_BLOCK)
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_KINDS = {
    stat.S_IFREG: "f",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFIFO: "p",
    stat.S_IFSOCK: "s",
    stat.S_IFBLK: "b",
    stat.S_IFCHR: "c",
}
# Other names in `system.` are the file system's own, such as system.nfs4_acl.
_ACLS = ("system.posix_acl_access", "system.posix_acl_default")
OF_THE_HOST = (
    "security.selinux",
    "security.ima",
    "security.evm",
    "security.apparmor",
    "trusted.overlay.origin",
    "trusted.overlay.upper",
    "trusted.overlay.uuid",
    "trusted.SGI_ACL_",
    "btrfs.",
    "ceph.",
)
"""Beginnings of the names of attributes that belong to the host or its file system and not to the data: each host sets its own.

Of overlayfs only those that name inodes and file systems: with others a mount fails (calamares/calamares#1571). The rest, such
as `opaque`, says what the layers in a volume of Docker in Docker hold: without it deleted files are there again. Older Ceph clients
list what a folder holds as attributes, which nobody can set (lsyncd/lsyncd#603).

XFS shows each ACL a second time, as trusted.SGI_ACL_FILE or trusted.SGI_ACL_DEFAULT (fs/xfs/xfs_xattr.c). Brought back from another
file system, where nothing keeps it equal to the ACL, an old one would replace the ACL.
"""


class TreeError(Exception):
    """A tree cannot be moved as it is; the message names the object."""


class Tree:
    """A volume's folder on this host."""

    def __init__(self, root: str, exclude: Exclude | None = None) -> None:
        _raise_open_files()
        self.root = root
        self.exclude = exclude or Exclude()
        self.left_out: list[bytes] = []
        """What the last walk has left out."""
        self.fd = os.open(root, _OPEN | os.O_DIRECTORY)
        # Not below another file system: it would be another volume, or the host's.
        self.device = os.fstat(self.fd).st_dev

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)

    def scan(self) -> Iterator[Entry]:
        """Yield all entries in order; nothing is opened but folders."""
        return self._walk(whole=False)

    def read(self) -> Iterator[Entry]:
        """Yield all entries in order, with attributes and digests."""
        return self._walk(whole=True)

    def look(self, paths: Iterable[bytes]) -> Iterator[Entry]:
        """Yield the entries of these paths with attributes and digests, in their order; those that are gone are left out."""
        for path in paths:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), self.opened_folder(path) as (folder, name):
                yield _entry(folder, name, path, whole=True)

    def attributes(self) -> list[str]:
        """Return which kinds of attributes there are in it, as `target.lacking` names them."""
        found: set[str] = set()
        for entry in self.scan():
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), self.opened_folder(entry.path) as (folder, name):
                found |= {_kind_of(attribute) for attribute, _ in xattrs_of(b"/proc/self/fd/%d/%s" % (folder, name))}
        return sorted(found)

    def excluded(self) -> list[bytes]:
        """Return what is left out, without what lies below it."""
        for _ in self.scan():
            pass
        return self.left_out

    @contextlib.contextmanager
    def opened_folder(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the folder that a path lies in, and the name in it; a symbolic link on the way is NotADirectoryError."""
        *folders, name = place(path) or [ROOT]
        if name == b".." or (name == ROOT and folders):
            raise NotADirectoryError(f"{shown(path)} is not a path below the volume")
        current = os.dup(self.fd)
        try:
            for part in folders:
                if part in (b"", b".", b".."):
                    raise NotADirectoryError(f"{shown(path)} is not a path below the volume")
                try:
                    # One folder after the other: a path with a link in it would lead out of the volume.
                    inner = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current)
                finally:
                    os.close(current)
                    current = -1
                current = inner
            yield current, name
        finally:
            if current >= 0:
                os.close(current)

    def _walk(self, *, whole: bool) -> Iterator[Entry]:
        self.left_out = []
        yield _entry(self.fd, ROOT, ROOT, whole=whole)
        covered = mounted_below(self.root)
        # Opened anew: btrfs lists only what a folder held when it was opened (Linux 6.5, "btrfs: fix infinite directory reads").
        top = os.open(b".", _OPEN | os.O_DIRECTORY, dir_fd=self.fd)
        # No recursion: a tree may be deeper than Python's limit of calls.
        stack = [(top, iter(_names(top, top=True)), b"")]
        try:
            while stack:
                folder, names, prefix = stack[-1]
                name = next(names, None)
                if name is None:
                    os.close(folder)
                    stack.pop()
                    continue
                path = prefix + name
                if self.exclude(path):
                    self.left_out.append(path)
                    continue
                if path in covered:
                    raise TreeError(f"something is mounted in it: {shown(path)}")
                # Said before anything is copied: rsync would leave such an object out with an error for it alone.
                if len(self.root) + 1 + len(path) > LONGEST_PATH:
                    raise TreeError(f"a path is longer than {LONGEST_PATH} bytes: {shown(path[:80])}...")
                with contextlib.suppress(FileNotFoundError):  # a tree that lives loses entries while it is read
                    entry = _entry(folder, name, path, whole=whole)
                    yield entry
                    if entry.kind == "d":
                        stack.append(self._entered(folder, name, path))
        finally:
            for folder, _, _ in stack:
                os.close(folder)

    def _entered(self, folder: int, name: bytes, path: bytes) -> tuple[int, Iterator[bytes], bytes]:
        try:
            inner = os.open(name, _OPEN | os.O_DIRECTORY, dir_fd=folder)
        except NotADirectoryError as error:  # it became a link or a file since
            raise FileNotFoundError(errno.ENOENT, "changed") from error
        if os.fstat(inner).st_dev != self.device:
            os.close(inner)
            raise TreeError(f"another file system, or a subvolume, is mounted in it: {shown(path)}")
        return inner, iter(_names(inner, top=False)), path + b"/"


def mounted_below(root: str) -> frozenset[bytes]:
    """Return the paths in a folder on which something is mounted.

    A folder of the same file system that is bound there has the same device number. Only the kernel's list of mounts tells that
    what it shows lies outside of the volume, where others use it, and that it is not there after a restart.
    """
    real = os.path.realpath(root)
    above = f"{real.rstrip('/')}/"
    return frozenset(os.fsencode(mount.point[len(above) :]) for mount in mounts() if mount.point.startswith(above))


def content_digest(fd: int, size: int) -> str:
    """Return SHA-256 over the size and each block of 128 KiB that is not all zeros, with its offset; holes are not read."""
    made = hashlib.sha256(struct.pack("<Q", size))
    if size <= _BLOCK:  # most files are: there is nothing to skip in them
        block = _block(fd, 0, size)
        if block.strip(b"\0"):
            made.update(struct.pack("<Q", 0))
            made.update(block)
        return made.hexdigest()
    position = 0
    while position < size:
        try:
            # ENXIO: there is only a hole until the end (lseek(2)).
            data = os.lseek(fd, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            raise
        if data >= size:  # it has grown since
            break
        hole = os.lseek(fd, data, os.SEEK_HOLE)
        for offset in range(max(position, data - data % _BLOCK), min(hole, size), _BLOCK):
            block = _block(fd, offset, min(_BLOCK, size - offset))
            if block != (_ZEROS if len(block) == _BLOCK else _ZEROS[: len(block)]):
                made.update(struct.pack("<Q", offset))
                made.update(block)
            position = offset + _BLOCK
    return made.hexdigest()


def flags_of(fd: int) -> int:
    """Return those flags of `chattr` that are kept; a file system without flags has none."""
    try:
        packed = fcntl.ioctl(fd, _GET_FLAGS, struct.pack("l", 0))
    except OSError:
        return 0
    return int(struct.unpack("l", packed)[0]) & KEPT_FLAGS


def set_flags(fd: int, wanted: int) -> None:
    """Give an opened object these of the kept flags, and leave its others."""
    there = int(struct.unpack("l", fcntl.ioctl(fd, _GET_FLAGS, struct.pack("l", 0)))[0])
    fcntl.ioctl(fd, _SET_FLAGS, struct.pack("l", there & ~KEPT_FLAGS | wanted))


def _entry(folder: int, name: bytes, path: bytes, *, whole: bool) -> Entry:
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    kind = _KINDS[stat.S_IFMT(found.st_mode)]
    entry = Entry(
        path=path,
        kind=kind,
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        size=found.st_size if kind == "f" else 0,
        mtime=found.st_mtime_ns,
        ctime=found.st_ctime_ns,
        inode=found.st_ino,
        # The links of a folder count its sub-folders, and btrfs says 1 for each.
        links=found.st_nlink if kind != "d" else 1,
        blocks=found.st_blocks,
        device=found.st_rdev if kind in "bc" else 0,
        target=os.readlink(name, dir_fd=folder) if kind == "l" else b"",
    )
    return _completed(entry, folder, name) if whole else entry


def _completed(entry: Entry, folder: int, name: bytes) -> Entry:
    if entry.kind not in "fd":
        return entry._replace(xattrs=xattrs_of(b"/proc/self/fd/%d/%s" % (folder, name)), whole=True)
    try:
        # Only the owner and root may leave the access time alone (open(2), EPERM).
        fd = os.open(name, _OPEN | os.O_NOATIME, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):  # it became another kind since
            raise FileNotFoundError(errno.ENOENT, "changed") from error
        if error.errno != errno.EPERM:
            raise OSError(error.errno, error.strerror, shown(entry.path)) from error
        fd = os.open(name, _OPEN, dir_fd=folder)
    try:
        digest = content_digest(fd, entry.size) if entry.kind == "f" else ""
        # Written to while it was read: its digest would be of neither content.
        after = os.fstat(fd)
        if entry.kind == "f" and (after.st_ino, after.st_ctime_ns, after.st_size) != (entry.inode, entry.ctime, entry.size):
            digest = ""
        return entry._replace(xattrs=xattrs_of(fd), flags=flags_of(fd), digest=digest, whole=True)
    except OSError as error:
        raise OSError(error.errno, error.strerror, shown(entry.path)) from error
    finally:
        os.close(fd)


def xattrs_of(where: int | bytes) -> tuple[tuple[str, str], ...]:
    """Return the attributes of an open object, or at a path, that belong to the data; values in hexadecimal."""
    found = []
    follow = {} if isinstance(where, int) else {"follow_symlinks": False}
    try:
        names = os.listxattr(where, **follow)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EPERM):
            return ()
        raise
    for name in sorted(names):
        if name.startswith(OF_THE_HOST) or (name.startswith("system.") and name not in _ACLS):
            continue
        with contextlib.suppress(OSError):  # taken away since
            found.append((name, os.getxattr(where, name, **follow).hex()))
    return tuple(found)


def _kind_of(attribute: str) -> str:
    if attribute in _ACLS:
        return "ACLs"
    return "trusted attributes" if attribute.startswith("trusted.") else "extended attributes"


def _names(fd: int, *, top: bool) -> list[bytes]:
    with os.scandir(fd) as found:  # one after the other: a folder may have many
        return sorted(name for name in (os.fsencode(item.name) for item in found) if not (top and name == LEFT_OUT))


def _block(fd: int, offset: int, length: int) -> bytes:
    block = os.pread(fd, length, offset)
    while len(block) < length:
        more = os.pread(fd, length - len(block), offset + len(block))
        if not more:
            break
        block += more
    return block


def _raise_open_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # One folder is open for each level of the tree.
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
