"""Bring content over: a whole tree as one stream of tar, or what differs by rsync."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO

from migrator.volumes.agent.channel import Channel
from migrator.volumes.agent.entries import shown
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.senders import BLOCKS
from migrator.volumes.agent.tree import OF_THE_HOST

Say = Callable[[str], None]
_RECEIVED = re.compile(r"Total bytes received: ([\d,]+)")
_PROGRESS = re.compile(r"^\s*([\d,]+)\s+\d+%")
# rsync(1): partial transfer due to vanished source files.
_VANISHED = 24
# Exit codes that a cut connection gives (rsync(1)); a second try may succeed.
_LOST = frozenset({10, 12, 30, 35, 255})
_FULL = ("No space left on device", "Disk quota exceeded")
# ext4 keeps the attributes of a file in its inode and one block (ext4(5)); xfs up to 64 KiB each (xattr(7)).
_LARGE_ATTRIBUTE = (
    "an extended attribute is larger than the target's file system keeps (ext4: 4 KiB for all of a file); xfs keeps it"
)
# What the kernel lets a user have (/proc/sys/fs/pipe-max-size).
_PIPE_BYTES = 1 << 20
# A label of blue's policy may be unknown to green's. With a filter of names rsync leaves the file system's own `system.` no longer
# out by itself (xattrs.c, saw_xattr_filter): an NFS server's system.nfs4_acl could be set nowhere. ACLs are no attributes here.
_NOT_OF_THE_DATA = (*(f"{name}*" for name in OF_THE_HOST), "system.*")
_DELTAS_SINCE = (3, 5)
# -X twice: once leaves out what --fake-super has noted of a backup's files (rsync(1)).
# --modify-window=-1 compares nanoseconds; without it times of one second are equal (rsync(1)).
_STANDARD = ("rsync", "-aHAXXS", "--numeric-ids", "--modify-window=-1", "--info=progress2", "--stats", "--exclude=/lost+found")


class TransferError(Exception):
    """The transfer failed; `full` tells that the target has no room, `lost` that the connection was cut, `hint` what to do."""

    def __init__(self, message: str, *, full: bool = False, lost: bool = False, hint: str = "") -> None:
        super().__init__(message)
        self.full = full
        self.lost = lost
        self.hint = hint


@dataclass(frozen=True)
class Options:
    """How rsync works in one pass."""

    delete: bool = True
    delete_first: bool = False
    """Make room before anything is brought; else what is gone goes last, when all else is there."""
    in_place: bool = False
    """Go on in files that an interrupted stream left; never where a file may have other names that are right already."""
    again: bool = False
    """Take no file as equal because size and time are."""
    vanishing: bool = True
    """Whether files may vanish from the source meanwhile, because it lives."""
    limit: int = 0
    """KiB a second; 0: none."""
    undo: str = ""
    """Folder for what is overwritten or deleted."""
    exclude: Exclude = field(default_factory=Exclude)


def rsync(channel: Channel, root: str, options: Options, say: Say, paths: Iterable[bytes] | None = None) -> int:
    """Make the tree like the other side's, or only these paths of it; return how many bytes came. Raises TransferError."""
    with tempfile.TemporaryFile() as listed, tempfile.TemporaryFile() as complaints:
        stdin: int | IO[bytes] = subprocess.DEVNULL
        if paths is not None:
            listed.writelines(path + b"\0" for path in paths)
            listed.seek(0)
            stdin = listed
        deltas = not options.in_place or writes_deltas_in_place(_version_of("rsync", "--version"))
        command = [
            *_words(options, some=paths is not None, deltas=deltas),
            "-e",
            channel.shell,
            f"{_host(channel.address)}:/",
            f"{root}/",
        ]
        started = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=complaints, env=_environment())
        received = _followed(started, say)
        code = started.wait()
        complaints.seek(0)
        _require(code, complaints.read().decode(errors="backslashreplace"), options)
    return received


def stream(channel: Channel, root: str, say: Say) -> int:
    """Unpack the other side's whole tree into an empty folder; return how many bytes came. Raises TransferError."""
    with tempfile.TemporaryFile() as sent, tempfile.TemporaryFile() as unpacked:
        source = channel.stream(sent)
        assert source.stdout is not None  # noqa: S101 - it was started with a pipe
        target = subprocess.Popen(_unpacking(root), stdin=subprocess.PIPE, stderr=unpacked, env=_environment())
        assert target.stdin is not None  # noqa: S101 - it was started with a pipe
        count = _poured(source.stdout.fileno(), target.stdin.fileno(), say)
        # In this order: tar here ends at the end of its input, tar there once nobody reads any more.
        target.stdin.close()
        source.stdout.close()
        codes = source.wait(), target.wait()
        complaint = b""
        for file in (unpacked, sent):
            file.seek(0)
            complaint += file.read()
    # 1: a file changed or vanished while it was read (tar(1)); the next pass brings it.
    if codes[0] not in (0, 1) or codes[1]:
        text = complaint.decode(errors="backslashreplace").strip()
        raise TransferError(
            f"tar ended with {codes[1]} here and {codes[0]} there: {text[-400:]}", full=_is_full(text), lost=codes[0] == 255
        )
    return count


def _unpacking(root: str) -> list[str]:
    return [
        "tar",
        "-C",
        root,
        "--xattrs",
        "--xattrs-include=*",
        # A kernel with SELinux labels new files by the folder they are in.
        *(f"--xattrs-exclude={pattern}" for pattern in _NOT_OF_THE_DATA),
        # tar keeps ACLs apart from other attributes (tar(1)).
        "--acls",
        "--numeric-owner",
        "-p",
        "-S",
        f"--blocking-factor={BLOCKS}",
        "--warning=none",
        "-xf",
        "-",
    ]


def _words(options: Options, *, some: bool, deltas: bool = True) -> Iterator[str]:
    yield from _STANDARD
    yield from (f"--filter=-x {pattern}" for pattern in _NOT_OF_THE_DATA)
    yield from options.exclude.words()
    if some:
        yield from ("--from0", "--files-from=-")
        if options.vanishing:  # else a name that is gone by now is error 23, as if it could not be read (rsync(1))
            yield "--ignore-missing-args"
    elif options.delete:
        # --delete-delay: a pass that breaks has deleted nothing yet.
        yield "--delete-before" if options.delete_first else "--delete-delay"
    if options.in_place:
        yield from ("--inplace", "--no-whole-file" if deltas else "--whole-file")
    if options.again:
        yield "--ignore-times"
    if options.limit:
        yield f"--bwlimit={options.limit}"
    if options.undo:
        yield from ("--backup", f"--backup-dir={options.undo}")


def _followed(started: subprocess.Popen[bytes], say: Say) -> int:
    """Tell rsync's progress at most once a second, and return what its summary says was received."""
    assert started.stdout is not None  # noqa: S101 - it was started with a pipe
    received, told, rest = 0, time.monotonic(), ""
    while chunk := os.read(started.stdout.fileno(), 1 << 16):
        *lines, rest = re.split(r"[\r\n]", rest + chunk.decode(errors="replace"))
        for line in lines:
            if found := _RECEIVED.search(line):
                received = _number(found[1])
        if (moment := time.monotonic()) > told + 1.0:
            now = [found for line in lines if (found := _PROGRESS.match(line))]
            if now:
                say(f"{_number(now[-1][1])} bytes")
                told = moment
    started.stdout.close()
    return received


def _poured(source: int, target: int, say: Say) -> int:
    """Move bytes from one pipe to another inside the kernel, and count them, until one of both ends."""
    count, told = 0, time.monotonic()
    for pipe in (source, target):
        with contextlib.suppress(OSError):  # a kernel may allow less
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    # Who receives may end first: a tar that has seen the end of the archive, or one whose exit code and words tell why.
    with contextlib.suppress(BrokenPipeError):
        while moved := os.splice(source, target, _PIPE_BYTES):
            count += moved
            if (moment := time.monotonic()) > told + 1.0:
                say(f"{count} bytes")
                told = moment
    return count


def _require(code: int, complaint: str, options: Options) -> None:
    if code == 0 or (code == _VANISHED and options.vanishing):
        return
    lines = [line for line in complaint.splitlines() if line.strip()]
    what = {_VANISHED: "files vanished from a source that should stand still", 23: "some objects could not be transferred"}
    said = "; ".join(lines[:3])
    raise TransferError(
        f"rsync ended with {code}: {what.get(code, 'it did not finish')}: {said}",
        full=_is_full(complaint),
        lost=code in _LOST,
        hint=_LARGE_ATTRIBUTE if _is_full(complaint) and "setxattr(" in complaint else "",
    )


def _is_full(text: str) -> bool:
    return any(words in text for words in _FULL)


def _environment() -> dict[str, str]:
    # The words of rsync and tar are searched below.
    return {**os.environ, "LC_ALL": "C"}


def _host(address: str) -> str:
    # rsync takes what stands before the first colon for the host (rsync(1)).
    return f"[{address}]" if ":" in address else address


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def writes_deltas_in_place(version: str) -> bool:
    """Return whether rsync changes a part of a file with holes where it lies, by the first line that `rsync --version` says.

    Before 3.5.0 it leaves old bytes at the end (RsyncProject/rsync#450, #114). Where the old file is kept, too, it is killed,
    since it may no longer open that by its whole path (#722, in the fixes of 2025 that distributions have taken into 3.2.7).
    """
    found = re.match(r"rsync\s+version v?(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= _DELTAS_SINCE


def versions() -> dict[str, str]:
    """Return the versions of the programs that take part."""
    arguments = {"rsync": "--version", "tar": "--version", "ssh": "-V"}
    found = {name: _version_of(name, argument) for name, argument in arguments.items()}
    return {name: version for name, version in found.items() if version}


def _version_of(program: str, argument: str) -> str:
    """Return the first line of what a program says of itself; empty where it is not there."""
    try:
        done = subprocess.run([program, argument], capture_output=True, check=False)
    except OSError:
        return ""
    return shown((done.stdout or done.stderr).partition(b"\n")[0])
