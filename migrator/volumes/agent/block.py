"""A block device as it is read and written: chunks of 1 MiB, each known by its digest."""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from collections.abc import Iterable, Iterator

from migrator.volumes.agent.compare import root_digest
from migrator.volumes.agent.entries import ROOT, Entry

CHUNK = 1 << 20
DIGEST = 32
_FRAME = 64 * CHUNK
# Its place in a device's `stat` (Documentation/block/stat.rst).
_SECTORS_WRITTEN = 6
# Processes named in one message.
_MOST = 8
ZEROS = hashlib.sha256(bytes(CHUNK)).digest()


def is_device(path: str) -> bool:
    """Return whether a block device is at a path."""
    try:
        return stat.S_ISBLK(os.stat(path).st_mode)
    except OSError:
        return False


def size_of(fd: int) -> int:
    """Return the bytes of an open device."""
    return os.lseek(fd, 0, os.SEEK_END)


def probe(path: str) -> dict[str, object]:
    """Return what is known of a device: its size, and how many sectors were ever written to it since it is there."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size, number = size_of(fd), os.fstat(fd).st_rdev
    finally:
        os.close(fd)
    return {"path": path, "kind": "block device", "size": size, "written": _written(number)}


def _written(number: int) -> int:
    with open(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat", encoding="ascii") as file:
        return int(file.read().split()[_SECTORS_WRITTEN])


def survey(path: str) -> dict[str, object]:
    """Return what a device holds, for a plan."""
    size = probe(path)["size"]
    return {**probe(path), "entries": 1, "files": 1, "bytes": size, "allocated": size, "devices": []}


def digests(path: str) -> Iterator[bytes]:
    """Yield the digests of all chunks in order, many at once."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = size_of(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)  # what the disk has, and not what is remembered of it
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        for start in range(0, size, _FRAME):
            offsets = range(start, min(start + _FRAME, size), CHUNK)
            yield b"".join(hashlib.sha256(read(fd, offset, min(CHUNK, size - offset))).digest() for offset in offsets)
    finally:
        os.close(fd)


def chunks(path: str, numbers: Iterable[int]) -> Iterator[bytes]:
    """Yield chunks by their numbers; the last one of a device may be shorter."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = size_of(fd)
        for number in numbers:
            if not 0 <= number * CHUNK < size:
                raise OSError(f"the device has no chunk {number}")
            yield read(fd, number * CHUNK, min(CHUNK, size - number * CHUNK))
    finally:
        os.close(fd)


def read(fd: int, offset: int, length: int) -> bytes:
    """Return so many bytes; raises OSError where they end early."""
    found = b""
    while len(found) < length:
        more = os.pread(fd, length - len(found), offset + len(found))
        if not more:
            raise OSError(f"the device ends at {offset + len(found)}")
        found += more
    return found


def write(fd: int, offset: int, content: bytes) -> None:
    """Write all of it."""
    done = 0
    while done < len(content):
        done += os.pwrite(fd, content[done:], offset + done)


def entry_of(size: int, known: bytes) -> Entry:
    """Return a device as the only entry of a list: its digest is SHA-256 over its size and the digests of its chunks."""
    digest = hashlib.sha256(struct.pack("<Q", size) + known).hexdigest()
    return Entry(ROOT, "f", 0, 0, 0, size, 0, 0, 1, 1, size // 512, 0, b"", digest=digest, whole=True)


def digest_of(size: int, known: bytes) -> str:
    """Return the root digest of a device."""
    return root_digest([entry_of(size, known)])


def users(path: str) -> list[str]:
    """Return who uses a device now, in words: a mount, another device on it, or a process that has it open.

    Its partitions, and loop devices that somebody has laid over it, are it, too: the kubelet lays one over each device of a pod,
    and a host's LVM may find what a virtual machine has on its disk there (kubernetes#110163).
    """
    family = _family(os.stat(path).st_rdev)
    names = {f"{os.major(number)}:{os.minor(number)}" for number in family}
    found = [f"{holder} is made of it" for name in sorted(names) for holder in _listed(f"/sys/dev/block/{name}/holders")]
    # This program, and what has started it.
    own = {os.getpid(), os.getppid()}
    for pid in (int(text) for text in _listed("/proc") if text.isdigit()):
        if pid in own:
            continue
        # The third field is major:minor (proc_pid_mountinfo(5)).
        if any(line.split(" ")[2] in names for line in _lines(f"/proc/{pid}/mountinfo")):
            found.append(f"it is mounted for process {pid}")
        elif any(_is_one_of(f"/proc/{pid}/fd/{fd}", family) for fd in _listed(f"/proc/{pid}/fd")):
            found.append(f"process {pid} has it open")
        if len(found) >= _MOST:
            break
    return found[:_MOST]


def _family(number: int) -> set[int]:
    """Return the numbers of a device, of its partitions, and of loop devices over any of them."""
    family: set[int] = set()
    waiting = [number]
    while waiting:
        if (one := waiting.pop()) in family:
            continue
        family.add(one)
        folder = f"/sys/dev/block/{os.major(one)}:{os.minor(one)}"
        parts = [f"{folder}/{name}" for name in _listed(folder) if os.path.exists(f"{folder}/{name}/partition")]
        loops = [f"/sys/block/{name}" for name in _listed("/sys/block") if _lies_on(f"/sys/block/{name}", one)]
        # What has gone meanwhile has no line.
        waiting += [os.makedev(*map(int, line.split(":"))) for place in (*parts, *loops) for line in _lines(f"{place}/dev")]
    return family


def _lies_on(loop: str, number: int) -> bool:
    lines = _lines(f"{loop}/loop/backing_file")
    return bool(lines) and _number_of(lines[0].rstrip("\n")) == number


def _number_of(path: str) -> int | None:
    """Return the number of the block device at a path; None for what is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_rdev if stat.S_ISBLK(found.st_mode) else None


def _is_one_of(link: str, family: set[int]) -> bool:
    return _number_of(link) in family


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _lines(path: str) -> list[str]:
    try:
        # A pod chooses where it mounts its volumes, and the kernel escapes no carriage return: it ends no line.
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            return file.readlines()
    except OSError:
        return []
