"""The side that data comes from: answers what the other side asks through a forced command, for one folder, and writes nothing."""

from __future__ import annotations

import functools
import json
import os
import signal
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import BinaryIO

from migrator.volumes.agent import block
from migrator.volumes.agent.compare import stamps_digest, totals
from migrator.volumes.agent.entries import Entry, ListError, shown, to_arrays
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.memory import Memory
from migrator.volumes.agent.mounted import busy
from migrator.volumes.agent.senders import RefusedError, become
from migrator.volumes.agent.tree import Tree, TreeError
from migrator.volumes.agent.users import mount_of, users

# A list goes in parts of this size: that of a volume of millions of files has a GiB.
_CHUNK = 1 << 18
# Short answers for which the whole tree is looked at.
_WALKS: dict[str, Callable[[Tree], object]] = {"stamps": lambda tree: stamps_digest(tree.scan()), "attributes": Tree.attributes}
# A question is a word and a length; what is longer is no question, and is not read to its end.
_LONGEST_LINE = 64


def serve(root: str, request: str, given: BinaryIO, out: BinaryIO, *, memory: str = "", pod: str = "") -> None:
    """Do what this key allows: become rsync's or tar's sender, answer questions until they end, or end the server."""
    become(request, root)
    if request == "session":
        session(root, given, out, memory=memory, pod=pod)
    elif request == "close":
        os.kill(listener(), signal.SIGTERM)
    else:
        raise RefusedError(f"{request[:40]!r} is not a request")


def listener() -> int:
    """Return the process of the SSH server that this request came through: the outermost one above us."""
    pid, found = os.getppid(), 0
    while pid > 1:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            name, _, rest = file.read().rpartition(")")
        # Since OpenSSH 9.8 a connection is served by a program of its own, sshd-session, whose name begins alike.
        if "(sshd" in name:
            found = pid
        elif found:
            break
        pid = int(rest.split()[1])
    if not found:
        raise RefusedError("no SSH server to close")
    return found


def session(
    root: str,
    given: BinaryIO,
    out: BinaryIO,
    *,
    memory: str = "",
    pod: str = "",
    server: Callable[[], int] = listener,
) -> None:
    """Answer one question after the other: each is a word and the length of what follows, each answer frames and an outcome.

    The folder is kept open from the first question on, but not for `hello`, which asks nothing: until the pass begins nobody is to
    find it in use. `close` ends the process that `server` returns, which is that of the SSH server, and this session, without an
    answer.
    """
    with ExitStack() as kept:
        keep_open = functools.cache(lambda: kept.enter_context(busy(root)) if os.path.exists(root) else None)
        while line := given.readline(_LONGEST_LINE):
            word, _, length = line.decode(errors="backslashreplace").strip().partition(" ")
            try:
                if word == "close":
                    os.kill(server(), signal.SIGTERM)
                    return
                payload = given.read(_counted(length))
                if word != "hello":
                    keep_open()
                    for chunk in _replied(root, word, payload, memory=memory, pod=pod):
                        frame(out, chunk)
                outcome = {}
            # What cannot be understood is refused like what is not allowed.
            except (RefusedError, TreeError, ListError, OSError, ValueError, struct.error) as error:
                outcome = {"error": str(error)}
            frame(out, b"")
            frame(out, json.dumps(outcome).encode())
            out.flush()


def _counted(length: str) -> int:
    if not (length or "0").isdecimal():
        raise RefusedError(f"{length[:40]!r} is not a length")
    return int(length or 0)


def _replied(root: str, word: str, payload: bytes, *, memory: str, pod: str) -> Iterator[bytes]:
    return _of_device(root, word, payload) if block.is_device(root) else answer(root, word, payload, memory=memory, pod=pod)


def answer(root: str, word: str, payload: bytes, *, memory: str = "", pod: str = "") -> Iterator[bytes]:
    """Yield the answer to one question; raises RefusedError, TreeError, ListError or OSError.

    `memory` is the folder of the passes in the other direction, whose target is this folder; `pod` the UID of the pod of the tool
    that holds it mounted.
    """
    if word in ("scan", "read"):
        tree = Tree(root, Exclude.of(payload))
        yield from packed(tree.scan() if word == "scan" else tree.read())
    elif word == "look":
        yield from packed(Tree(root).look(path for path in payload.split(b"\0") if path))
    elif word == "probe":
        yield json.dumps(probe(root)).encode()
    elif word in _WALKS:
        yield json.dumps(_WALKS[word](Tree(root, Exclude.of(payload)))).encode()
    elif word == "excluded":
        yield json.dumps(excluded(root, Exclude.of(payload))).encode()
    elif word == "sync":
        yield json.dumps(synced(root)).encode()
    elif word == "users":
        yield json.dumps(users(root, pod)).encode()
    elif word == "known":
        yield json.dumps(asdict(Memory(memory).binding) if os.path.isdir(memory) else {}).encode()
    elif word in ("known-source", "known-target") and os.path.isdir(memory):
        yield from packed(Memory(memory).entries(word.partition("-")[2]))
    else:
        raise RefusedError(f"{word[:40]!r} is not a question")


def excluded(root: str, exclude: Exclude) -> dict[str, object]:
    """Return what is left out, for a proof: the patterns, how many objects they name, and the first of them."""
    out = Tree(root, exclude).excluded()
    return {"patterns": exclude.patterns, "objects": len(out), "first": [shown(path) for path in out[:10]]}


def _of_device(path: str, word: str, payload: bytes) -> Iterator[bytes]:
    if word == "probe":
        yield json.dumps(block.probe(path)).encode()
    elif word == "users":
        yield json.dumps(block.users(path)).encode()
    elif word == "device-digests":
        yield from block.digests(path)
    elif word == "device-chunks":
        yield from block.chunks(path, struct.unpack(f"<{len(payload) // 8}Q", payload))
    else:
        raise RefusedError(f"{word[:40]!r} is not a question about a device")


def frame(out: BinaryIO, content: bytes) -> None:
    """Write a length and so many bytes."""
    out.write(struct.pack(">I", len(content)) + content)


def probe(root: str) -> dict[str, object]:
    """Return what tells this folder from another one that could lie at the same path, and how full its file system is."""
    real = os.path.realpath(root)
    mount, space, own = mount_of(real), os.statvfs(real), os.stat(real)
    return {
        "path": real,
        "inode": own.st_ino,
        "mounted": mount.point == real,
        "kind": mount.kind,
        "source": mount.source,
        "total": space.f_blocks * space.f_frsize,
        "free": space.f_bavail * space.f_frsize,
        "inodes": space.f_favail if space.f_files else None,
        "now": time.time_ns(),
    }


def synced(root: str) -> int:
    """Write back what is only in memory, and return the time before that, by this host's clock."""
    before = time.time_ns()
    fd = os.open(root, os.O_RDONLY)
    try:
        _sync_file_system(fd)
    finally:
        os.close(fd)
    return before


def _sync_file_system(fd: int) -> None:
    import ctypes

    # Python has sync() only, which waits for all disks of the host.
    if ctypes.CDLL(None, use_errno=True).syncfs(fd):
        raise OSError(ctypes.get_errno(), "syncfs")


def packed(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield a list of entries, compressed."""
    # The quickest level: boards have slow cores.
    made = zlib.compressobj(1)
    for chunk in _chunks(to_arrays(entries)):
        if found := made.compress(chunk):
            yield found
    yield made.flush()


def _chunks(lines: Iterator[str]) -> Iterator[bytes]:
    waiting: list[str] = []
    size = 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size > _CHUNK:
            yield ("\n".join(waiting) + "\n").encode()
            waiting, size = [], 0
    yield ("\n".join(waiting) + "\n").encode()


def survey(root: str, exclude: str = "") -> dict[str, object]:
    """Return what a folder holds and where it lies, for a plan; but for what is left out."""
    if block.is_device(root):
        return block.survey(root)
    counted = totals(Tree(root, Exclude.of(exclude)).scan())
    return {**probe(root), **counted.document(), "devices": counted.devices}


def main(request: str, root: str, memory: str = "", pod: str = "") -> None:
    """Answer a request over standard input and output."""
    serve(root, request, sys.stdin.buffer, sys.stdout.buffer, memory=memory, pod=pod)
    sys.stdout.buffer.flush()
