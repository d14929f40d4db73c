"""What a pass refuses before it changes anything."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from migrator.volumes.agent import target
from migrator.volumes.agent.channel import Channel
from migrator.volumes.agent.compare import Totals, paired, totals
from migrator.volumes.agent.entries import ROOT
from migrator.volumes.agent.memory import Binding, Memory
from migrator.volumes.agent.tree import LEFT_OUT, Tree

# Blocks of another size, folders and metadata of the file system take a few percent more.
_RESERVE = 1.05
# So few files may be deleted without a question: a log that was rotated, a lock.
_FEW = 10
_AGREE = "if that is right, run this again with --accept-deletions"
_LARGER = "make its volume larger"
# What takes longer to end is waited for without a connection, and told.
_CLOSING_SECONDS, _CLOSING_POLL = 2.0, 0.05


class PassError(Exception):
    """The pass has stopped; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class SourceInUseError(PassError):
    """A last pass has not begun, since somebody uses the source."""

    def __init__(self, users: Sequence[str]) -> None:
        super().__init__(f"the source is still in use: {'; '.join(users)}", "scale its workload to 0 there, and run this again")


def users_of_source(channel: Channel) -> list[str]:
    """Return who uses the source, in words, once it had a moment: a pod is gone before its containers' files are closed."""
    ends = time.monotonic() + _CLOSING_SECONDS
    while using := channel.ask("users"):
        if time.monotonic() > ends:
            return list(using)
        time.sleep(_CLOSING_POLL)
    return []


def identity(place: Mapping[str, Any], volume: str = "") -> str:
    """Return what tells a folder from another one that lies at the same path later, after a restart, too.

    A `volume` that a driver or a server keeps is mounted elsewhere each time: its name stands for the path.
    """
    where = "a file system of its own" if place["mounted"] else "a folder"
    return f"{volume or place['path']} is {where} ({place['kind']}) with inode {place['inode']}"


def require_there(side: str, root: str, volume: str, *, there: bool) -> None:
    """Raise PassError when a driver's volume, named by `volume`, is no longer where the kubelet had it."""
    if volume and not there:
        raise PassError(f"the {side}: {volume} is no longer at {root}", "look at its pod and its driver; nothing was changed")


def require_same_folders(
    known: Binding, there: Mapping[str, Any], here: Mapping[str, Any], volumes: tuple[str, str] = ("", "")
) -> None:
    """Raise PassError when one side is another folder than in the earlier passes, or a volume that is not mounted."""
    for side, seen, before, volume in (
        ("source", there, known.source, volumes[0]),
        ("target", here, known.target, volumes[1]),
    ):
        if volume and not seen["mounted"]:
            raise PassError(
                f"the {side}: nothing is mounted at {seen['path']}, where {volume} was", "run this again; nothing was changed"
            )
        if before and before != identity(seen, volume):
            raise PassError(
                f"the {side}'s folder is not the one of the earlier passes: {identity(seen, volume)}, it was {before}",
                "is its file system mounted? Nothing was changed",
            )


def require_kept(root: str, channel: Channel) -> None:
    """Raise PassError unless the target's file system keeps all that the source has."""
    lacking = target.lacking(root)
    if target.ATTRIBUTES & set(lacking):
        there = channel.ask("attributes")
        lacking = [what for what in lacking if what in there or what not in target.ATTRIBUTES]
    if lacking:
        raise PassError(f"the target cannot keep {', '.join(lacking)}", "give it a volume on ext4, xfs or btrfs")


class Room(NamedTuple):
    """What the target has room for, beside what is there."""

    for_all: bool
    """The whole tree once more."""
    for_largest: bool
    """The largest file once more, such as a disk of a virtual machine: it is written anew beside its older self."""


def require_room(tree: Tree, wanted: Totals, here: Mapping[str, Any]) -> Room:
    """Return what there is room for.

    Raises PassError when the target has too few bytes or inodes free for what is not there yet.
    """
    free, inodes = here["free"], here["inodes"]
    if wanted.allocated * _RESERVE <= free and (inodes is None or wanted.entries * _RESERVE <= inodes):
        return Room(for_all=True, for_largest=True)
    there = totals(tree.scan())
    need, entries = int((wanted.allocated - there.allocated) * _RESERVE), int((wanted.entries - there.entries) * _RESERVE)
    if need > free:
        raise PassError(f"the target has {free} bytes free, and needs {need} more", _LARGER)
    if inodes is not None and entries > inodes:
        raise PassError(f"the target has {inodes} inodes free, and needs {entries} more", _LARGER)
    return Room(for_all=False, for_largest=wanted.largest * _RESERVE <= free)


def require_content(memory: Memory, tree: Tree, wanted: Totals, there: Mapping[str, Any], *, trusted: bool) -> None:
    """Raise PassError rather than delete what nobody expects to be deleted.

    A target that is `trusted` holds what this tool has brought or proven.
    """
    names = [name for name in os.listdir(tree.root) if name != os.fsdecode(LEFT_OUT) and not tree.exclude(os.fsencode(name))]
    if names and not trusted:
        raise PassError(f"the target is not empty, and its {len(names)} objects were not copied by this tool: {names[0]!r}", _AGREE)
    if names and wanted.entries == 1:
        raise PassError(f"the source at {there['path']} is empty, and the target is not: nothing was deleted", _AGREE)
    known = memory.binding.stage == "copied"
    gone = kept = came = same = 0
    for old, new in paired(memory.entries("source") if known else tree.scan(), memory.entries("before.new")):
        gone += new is None
        came += old is None
        kept += old is not None and new is not None
        same += old is not None and new is not None and old.path != ROOT and old.inode == new.inode
    # A queue or a spool: as much came as went, below folders that are the very same ones, which another disk does not have.
    turned_over = known and same > 0 and gone <= kept + came
    if gone > _FEW and gone > kept and not turned_over:
        raise PassError(f"{gone} of {gone + kept} objects are gone from the source since the last pass", _AGREE)
