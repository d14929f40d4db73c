"""Who uses a volume now: processes that have something of it open or mapped, and mounts of it, such as a container's."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

_ESCAPES = ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\"))
# Where the kubelet has a driver mount a volume once for all pods of a node; it is no user.
_STAGED = re.compile(r"/plugins/kubernetes\.io/csi/.+/globalmount$")
# Processes named in one message.
_MOST = 8


class Mount(NamedTuple):
    """One line of /proc/PID/mountinfo (proc_pid_mountinfo(5))."""

    device: str
    """`major:minor` of the file system."""
    root: str
    """Which folder of the file system is mounted."""
    point: str
    kind: str
    source: str


def users(root: str, pod: str = "") -> list[str]:
    """Return who uses the folder at a real path, in words; empty when nobody does.

    Container runtimes mount a volume into the container: its processes are seen by their mounts, however they name the files.
    The pod of this UID is the tool's own, which holds the volume mounted and does nothing.
    """
    # This program, and the shell or the sshd that has started it.
    own = {os.getpid(), os.getppid()}
    place = mount_of(root)
    below = _inside(place.root, os.path.relpath(root, place.point))
    found: list[str] = []
    seen: set[str] = set()
    for pid in _processes():
        if pid in own or _just_forked(pid) or (pod and is_of_pod(pid, pod)):
            continue
        with contextlib.suppress(OSError):
            space = os.readlink(f"/proc/{pid}/ns/mnt")
            # All processes of a mount namespace see the same mounts.
            if space not in seen:
                seen.add(space)
                found += _mounted(pid, place, root, below)
            found += _opened(pid, root)
        if len(found) >= _MOST:
            break
    return found[:_MOST]


def mount_of(path: str, pid: str = "self") -> Mount:
    """Return the mount that a real path lies in."""
    fitting = [mount for mount in mounts(pid) if path == mount.point or path.startswith(mount.point.rstrip("/") + "/")]
    # The longest point, and of two at one point the later one, which hides the other.
    return max(enumerate(fitting), key=lambda pair: (len(pair[1].point), pair[0]))[1]


def mounts(pid: str = "self") -> Iterator[Mount]:
    """Yield the mounts that a process sees, in the kernel's order."""
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            words, rest = before.split(" "), after.split(" ")
            yield Mount(words[2], _plain(words[3]), _plain(words[4]), rest[0], _plain(rest[1]))


def _mounted(pid: int, place: Mount, root: str, below: str) -> Iterator[str]:
    for mount in mounts(str(pid)):
        if _is_use(mount, place, root, below):
            yield f"mounted at {mount.point} for {_name(pid)}"


def _is_use(mount: Mount, place: Mount, root: str, below: str) -> bool:
    """Return whether a mount shows the folder, or something in it, elsewhere than at its own path, to others than the kubelet."""
    inside = mount.root == below or mount.root.startswith(below.rstrip("/") + "/")
    elsewhere = mount.point != root and not _only_mirrors(mount, place, root)
    return mount.device == place.device and inside and elsewhere and not _STAGED.search(mount.point)


def _only_mirrors(mount: Mount, place: Mount, root: str) -> bool:
    """Return whether it is a mount of the host itself, which services with a mount space of their own see, too."""
    return mount.point == place.point and root.startswith(place.point)


def _opened(pid: int, root: str) -> Iterator[str]:
    for link in _links(pid):
        with contextlib.suppress(OSError):
            target = os.readlink(link)
            if target == root or target.startswith(root + "/"):
                yield f"{_name(pid)} has {target} open"
                return
    # A file may stay mapped after it was closed.
    with contextlib.suppress(OSError), open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            # The sixth field is the path, and may have spaces (proc_pid_maps(5)).
            name = line.rstrip("\n").split(maxsplit=5)[5:]
            if name and name[0].startswith(root + "/"):
                yield f"{_name(pid)} has {name[0]} mapped"
                return


def _links(pid: int) -> Iterator[str]:
    # A current folder keeps a file system busy without an open file.
    yield from (f"/proc/{pid}/cwd", f"/proc/{pid}/root", f"/proc/{pid}/exe")
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            yield f"/proc/{pid}/fd/{fd}"


def _processes() -> list[int]:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def is_of_pod(pid: int, pod: str) -> bool:
    """Return whether a process runs in a container of a pod, by its control group; systemd's names of groups have `_` for `-`."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="backslashreplace") as file:
        text = file.read()
        return f"pod{pod}" in text or f"pod{pod.replace('-', '_')}" in text
    return False


def _just_forked(pid: int) -> bool:
    """Return whether a process is a child that another thread starts: until it executes its program, it has all our files open."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="backslashreplace") as file:
            parent = int(file.read().rpartition(")")[2].split()[1])  # proc_pid_stat(5): field 4, behind the program's name
        if parent != os.getpid():
            return False
        with open(f"/proc/{pid}/cmdline", "rb") as theirs, open("/proc/self/cmdline", "rb") as ours:
            return theirs.read() == ours.read()
    except (OSError, IndexError):
        return False


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="backslashreplace") as file:
            return f"process {pid} ({file.read().strip()})"
    except OSError:
        return f"process {pid}"


def _inside(root: str, relative: str) -> str:
    return os.path.normpath(f"{root.rstrip('/')}/{relative}")


def _plain(text: str) -> str:
    for escape, char in _ESCAPES:
        text = text.replace(escape, char)
    return text
