"""Who uses a volume now: processes that have something of it open or mapped, and mounts of it, such as a container's."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

_ESCAPES = ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\043", "#"), (r"\134", "\\"))
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
    number: int = 0
    above: int = 0
    """Number of the mount that it lies on."""


def users(root: str, pod: str = "") -> list[str]:
    """Return who uses the folder at a real path, in words; empty when nobody does.

    Container runtimes mount a volume into the container: its processes are seen by their mounts, however they name the files.
    The pod of this UID is the tool's own, which holds the volume mounted and does nothing.
    """
    # This program, and the shell or the sshd that has started it.
    own = {os.getpid(), os.getppid()}
    volume = Volume(root, list(mounts()))
    found = list(looped(root))
    # All processes of a mount namespace see the same mounts.
    seen: dict[str, tuple[str, ...]] = {}
    for pid in _processes():
        if pid in own or _just_forked(pid) or (pod and is_of_pod(pid, pod)):
            continue
        with contextlib.suppress(OSError):
            space = os.readlink(f"/proc/{pid}/ns/mnt")
            if space not in seen:
                there = list(mounts(str(pid)))
                found += [f"mounted at {point} for {_name(pid)}" for point in volume.mounted(there)]
                seen[space] = volume.visible(there)
            found += _opened(pid, seen[space])
        if len(found) >= _MOST:
            break
    return found[:_MOST]


class Volume:
    """A folder at a real path, and where mounts of any mount namespace show it."""

    def __init__(self, root: str, own: list[Mount]) -> None:
        self._place = _holding(root, own)
        self._below = _inside(self._place.root, os.path.relpath(root, self._place.point))
        self._seat = _seat(self._place, own)

    def mounted(self, there: list[Mount]) -> list[str]:
        """Return where the folder, or something in it, is mounted for somebody, such as a container.

        Not the mount that the folder itself lies in, wherever it shows: whoever has `/` or the kubelet's folder mounted
        elsewhere (node-exporter, Velero's node agent, a driver's own pod) gets every mount below it (mount_namespaces(7)).
        """
        return [
            mount.point
            for mount in there
            if mount.device == self._place.device
            and (mount.root == self._below or mount.root.startswith(self._below.rstrip("/") + "/"))
            and not _STAGED.search(mount.point)
            and not (mount.root == self._place.root and _seat(mount, there) == self._seat)
        ]

    def visible(self, there: list[Mount]) -> tuple[str, ...]:
        """Return the paths under which processes see the folder, also through a mount of what it lies in."""
        return tuple(
            sorted(
                {
                    _inside(mount.point, os.path.relpath(self._below, mount.root))
                    for mount in there
                    if mount.device == self._place.device
                    and (self._below == mount.root or self._below.startswith(mount.root.rstrip("/") + "/"))
                }
            )
        )


def _seat(mount: Mount, there: list[Mount]) -> tuple[str, str] | None:
    """Return the folder that a mount lies on, as a file system and a path in it; None for the topmost mount."""
    by_number = {other.number: other for other in there}
    above = by_number.get(mount.above)
    while above and above.point == mount.point and above.number != above.above:  # mounted twice at one point
        above = by_number.get(above.above)
    return above and (above.device, _inside(above.root, os.path.relpath(mount.point, above.point)))


def looped(root: str, blocks: str = "/sys/block") -> Iterator[str]:
    """Yield what the kernel alone has open of a folder: files with a loop device over them.

    What was written to the file system in such a file may not be in the file yet, and no process tells of it.
    """
    for name in sorted(os.listdir(blocks)) if os.path.isdir(blocks) else ():
        with (
            contextlib.suppress(OSError),
            open(f"{blocks}/{name}/loop/backing_file", encoding="utf-8", errors="surrogateescape", newline="\n") as file,
        ):
            path = file.read().removesuffix("\n")
            if path.startswith(f"{root.rstrip('/')}/"):
                yield f"loop device {name} lies over {path}"


def mount_of(path: str) -> Mount:
    """Return the mount that a real path lies in."""
    return _holding(path, list(mounts()))


def _holding(path: str, there: list[Mount]) -> Mount:
    fitting = [mount for mount in there if path == mount.point or path.startswith(mount.point.rstrip("/") + "/")]
    # The longest point, and of two at one point the later one, which hides the other.
    return max(enumerate(fitting), key=lambda pair: (len(pair[1].point), pair[0]))[1]


def mounts(pid: str = "self") -> Iterator[Mount]:
    """Yield the mounts that a process sees, in the kernel's order."""
    # A pod chooses where its volumes are mounted in it, and the kernel escapes no carriage return: it ends no line.
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            words, rest = before.split(" "), after.split(" ")
            yield Mount(words[2], _plain(words[3]), _plain(words[4]), rest[0], _plain(rest[1]), int(words[0]), int(words[1]))


def _opened(pid: int, paths: tuple[str, ...]) -> Iterator[str]:
    """Yield what a process has open or mapped of a folder that it sees at these paths, at most one."""
    below = tuple(f"{path}/" for path in paths)
    for link in _links(pid) if paths else ():
        with contextlib.suppress(OSError):
            target = os.readlink(link)
            if target in paths or target.startswith(below):
                yield f"{_name(pid)} has {target} open"
                return
    # A file may stay mapped after it was closed.
    with (
        contextlib.suppress(OSError),
        open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape", newline="\n") as maps,
    ):
        for line in maps if paths else ():
            # The sixth field is the path, and may have spaces (proc_pid_maps(5)).
            name = line.rstrip("\n").split(maxsplit=5)[5:]
            if name and name[0].startswith(below):
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
