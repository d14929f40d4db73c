"""Trees with all that a file system can hold, and a checker that shares no code with the tool: find, getfattr, lsattr, sha256sum."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import socket
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

_FORMAT = r"%P\001%y\001%m\001%U\001%G\001%T@\001%l\001%i\001%n\001%s\001%b\0"
NAMES = (
    b"plain",
    b"-rf",
    b"two\nlines",
    b"not utf8 \xff\xfe",
    b" end ",
    b"$(touch PWNED)",
    b"`id`;id|id&",
    b"'q\"",
    b"\x1b[31m",
    b"n" * 255,
)


def described(root: Path) -> dict[bytes, tuple[object, ...]]:
    """Return what each path has: kind, mode, owner, time, link, links among the paths, content, attributes with ACLs, flags."""
    listed = subprocess.run(["find", ".", "-printf", _FORMAT], cwd=root, capture_output=True, check=True).stdout
    rows = [row.split(b"\x01") for row in listed.split(b"\0") if row]
    rows = [row for row in rows if row[0].split(b"/")[0] != b"lost+found"]
    groups: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for row in rows:
        groups[row[7]].append(row[0])
    found: dict[bytes, tuple[object, ...]] = {}
    for path, kind, mode, uid, gid, time, link, inode, _, size, _ in rows:
        full = os.fsencode(root) + (b"/" + path if path else b"")
        same = tuple(sorted(groups[inode])) if kind != b"d" else ()
        content = _sum(full) if kind == b"f" else b""
        length = size if kind == b"f" else b""
        found[path] = (kind, mode, uid, gid, time, link, same, length, content, _attributes(full), _flags(full, kind))
    return found


def allocated(path: Path) -> int:
    """Return how many bytes a file takes on its disk."""
    return path.stat().st_blocks * 512


def fill(root: Path) -> None:
    """Put one of everything into an empty folder (the tree of volumes.md, section 1b)."""
    for odd in NAMES:
        (root / os.fsdecode(odd)).write_bytes(b"content of " + odd)
    folder = root / "folder"
    folder.mkdir(mode=0o2750)
    program = folder / "program"
    program.write_bytes(b"\x7fELF" + os.urandom(5000))
    os.chown(program, 12345, 4294967294)
    program.chmod(0o6755)
    _run("setfattr", "-n", "security.capability", "-v", "0x0100000200040000000000000000000000000000", program)
    for name in ("user.note", "trusted.note"):
        _run("setfattr", "-n", name, "-v", "x\\000y", program)
    _run("setfacl", "-m", "u:65534:r,g:777:rw,d:u:1234:rwx", folder)
    _run("setfacl", "-m", "u:4321:rx", root / "plain")
    (folder / "twice").hardlink_to(program)
    (root / "thrice").hardlink_to(program)
    with (folder / "sparse").open("wb") as file:
        file.seek(50 << 20)
        file.write(b"end")
    with (folder / "reserved").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 1 << 20)
    os.mkfifo(folder / "fifo", 0o640)
    with socket.socket(socket.AF_UNIX) as made, contextlib.chdir(folder):
        made.bind("socket")
    for name, target in (
        ("dangling", "no/such"),
        ("absolute", "/etc/passwd"),
        ("escaping", "../../../../etc"),
        ("inside", "program"),
    ):
        (folder / name).symlink_to(target)
    os.lchown(folder / "dangling", 4, 5)
    (folder / "odd link").symlink_to(os.fsdecode(b"to \xff"))
    (folder / "Case").write_bytes(b"1")
    (folder / "case").write_bytes(b"2")
    (folder / "nothing").touch(mode=0)
    (folder / "sticky").mkdir()
    (folder / "sticky").chmod(0o1777)
    deep = folder
    for _ in range(12):
        deep = deep / ("d" * 200)
        deep.mkdir()
    (deep / "bottom").write_bytes(b"deep")
    os.utime(program, ns=(1, 1_234_567_890_123_456_789))
    os.utime(folder / "inside", ns=(1, 1_111_111_111_000_000_007), follow_symlinks=False)
    _run("setfacl", "-m", "u:1:rwx,d:u:2:rwx", root)
    _run("setfattr", "-n", "user.root", "-v", "yes", root)
    os.chown(root, 999, 998)
    root.chmod(0o3775)
    os.utime(folder, ns=(1, 987_654_321_987_654_321))
    os.utime(root, ns=(1, 1_000_000_000_000_000_001))


@contextlib.contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """Map a file for writing."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as made:
        yield made


def written_through(made: mmap.mmap, offset: int, content: bytes) -> None:
    """Write into a mapped page, and do not flush it."""
    made[offset : offset + len(content)] = content


def sync_file_system(path: Path) -> None:
    """Write back what is only in memory."""
    fd = os.open(path, os.O_RDONLY)
    try:
        assert ctypes.CDLL(None).syncfs(fd) == 0
    finally:
        os.close(fd)


def _sum(path: bytes) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - a name of any bytes
        return subprocess.run(["sha256sum"], stdin=file, capture_output=True, check=True).stdout


def _attributes(path: bytes) -> bytes:
    done = subprocess.run(
        ["getfattr", "-h", "-d", "-m", "-", "-e", "hex", "--absolute-names", "--", path], capture_output=True, check=False
    )
    lines = done.stdout.split(b"\n")
    return b"\n".join(sorted(line for line in lines if line and not line.startswith((b"#", b"security.selinux"))))


def _flags(path: bytes, kind: bytes) -> bytes:
    if kind not in b"fd":
        return b""
    done = subprocess.run(["lsattr", "-d", path], capture_output=True, check=False)
    return bytes(sorted(set(done.stdout.split(b" ")[0]) & set(b"iadA")))


def _run(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True)
