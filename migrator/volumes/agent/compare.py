"""Compare two lists of entries, and compute the digest of a whole tree. Memory does not grow with the trees, but for hard links."""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii as _quoted

from migrator.volumes.agent.entries import ROOT, Entry, ListError, parent, place, shown

ACLS = "system.posix_acl_"
# Beyond it a list of single files is longer than letting rsync look at all of them.
_MOST_NAMED = 20_000


class Leaders:
    """Which names are one object: each is known by the first name of its group."""

    def __init__(self) -> None:
        self._first: dict[int, bytes] = {}

    def of(self, entry: Entry) -> bytes:
        """Return the first path with the same inode; entries must come in order."""
        return self._first.setdefault(entry.inode, entry.path) if entry.links > 1 and entry.kind != "d" else entry.path


@dataclass(frozen=True)
class Difference:
    """An object that is not the same on both sides."""

    path: bytes
    what: tuple[str, ...]
    """`missing`, `extra`, or the properties that differ."""

    def __str__(self) -> str:
        return f"{shown(self.path)}: {', '.join(self.what)}"


def paired(ours: Iterable[Entry], theirs: Iterable[Entry]) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield what has the same path in both lists together, and what is in one of them alone."""
    left, right = iter(ours), iter(theirs)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if a is not None and b is not None and a.path == b.path:
            yield a, b
            a, b = next(left, None), next(right, None)
        elif b is None or (a is not None and place(a.path) < place(b.path)):
            yield a, None
            a = next(left, None)
        else:
            yield None, b
            b = next(right, None)


def differences(wanted: Iterable[Entry], found: Iterable[Entry]) -> Iterator[Difference]:
    """Yield every object in which two trees differ; both lists must be whole."""
    here, there = Leaders(), Leaders()
    for a, b in paired(wanted, found):
        leaders = here.of(a) if a else b"", there.of(b) if b else b""
        if a is None and b is not None:
            yield Difference(b.path, ("extra",))
        elif a is not None and b is None:
            yield Difference(a.path, ("missing",))
        elif a is not None and b is not None and (what := tuple(_differing(a, b, *leaders))):
            yield Difference(a.path, what)


_FIELDS = ("kind", "mode", "uid", "gid", "size", "mtime", "device", "target", "xattrs", "flags", "digest")
# All that must be the same on both sides, but for the first name of the inode.
_KEPT = operator.itemgetter(*(Entry._fields.index(name) for name in _FIELDS))


def _differing(a: Entry, b: Entry, leader: bytes, other: bytes) -> Iterator[str]:
    if leader == other and (a.digest or a.kind != "f") and _KEPT(a) == _KEPT(b):
        return
    if a.kind != b.kind:
        yield "type"
        return
    unequal = {
        "owner": (a.uid, a.gid) != (b.uid, b.gid),
        "mode": a.mode != b.mode and a.kind != "l",
        "size": a.size != b.size,
        "content": a.kind == "f" and (not a.digest or a.digest != b.digest),
        "time": a.mtime != b.mtime,
        "target": a.target != b.target,
        "device": a.device != b.device,
        "flags": a.flags != b.flags,
        "hard link": leader != other,
    }
    yield from (name for name, is_so in unequal.items() if is_so)
    for name, chosen in (("ACL", True), ("attributes", False)):
        mine, its = ([pair for pair in item.xattrs if pair[0].startswith(ACLS) == chosen] for item in (a, b))
        if mine != its:
            yield name


@dataclass
class Totals:
    """What a tree amounts to."""

    entries: int = 0
    files: int = 0
    bytes: int = 0
    """Of files, each object once, as if there were no holes."""
    allocated: int = 0
    largest: int = 0
    """Allocated bytes of the largest file."""
    devices: list[str] = field(default_factory=list)
    """The first of them."""
    _seen: set[int] = field(default_factory=set, repr=False)

    def add(self, entry: Entry) -> None:
        """Count an entry."""
        self.entries += 1
        # Number 0 is no device, but how a layer of overlayfs says that a file is deleted (Documentation/filesystems/overlayfs.rst).
        if entry.kind in "bc" and entry.device and len(self.devices) < 5:
            self.devices.append(shown(entry.path))
        if entry.links > 1:
            if entry.inode in self._seen:
                return
            self._seen.add(entry.inode)
        self.files += entry.kind == "f"
        self.bytes += entry.size
        self.allocated += entry.blocks * 512
        self.largest = max(self.largest, entry.blocks * 512)

    def document(self) -> dict[str, int]:
        """Return the numbers."""
        return {"entries": self.entries, "files": self.files, "bytes": self.bytes, "allocated": self.allocated}


def totals(entries: Iterable[Entry]) -> Totals:
    """Return what a list amounts to."""
    made = Totals()
    for entry in entries:
        made.add(entry)
    return made


def root_digest(entries: Iterable[Entry]) -> str:
    """Return SHA-256 over all that is kept of a tree, entry by entry in order, one line of JSON each.

    Times of access and of change, inode numbers and allocated blocks are a file system's own, and not in it.
    """
    leaders, made = Leaders(), hashlib.sha256()
    for entry in entries:
        made.update(_line(entry, leaders.of(entry)))
    return made.hexdigest()


def root_digests(wanted: Iterable[Entry], found: Iterable[Entry]) -> tuple[str, str]:
    """Return the digest of each of two trees; the line of what is the same in both is made once."""
    here, there, one, other = Leaders(), Leaders(), hashlib.sha256(), hashlib.sha256()
    for a, b in paired(wanted, found):
        line, leader = b"", b""
        if a is not None:
            leader = here.of(a)
            line = _line(a, leader)
            one.update(line)
        if b is not None:
            first = there.of(b)
            other.update(line if a is not None and leader == first and _KEPT(a) == _KEPT(b) else _line(b, first))
    return one.hexdigest(), other.hexdigest()


def _line(entry: Entry, leader: bytes) -> bytes:
    """Return the line of JSON of an entry; put together here, which takes a third of the time of `json.dumps`. Raises ListError."""
    path, target = _quoted(shown(entry.path)), _quoted(shown(entry.target))
    first = path if leader is entry.path else _quoted(shown(leader))
    attributes = json.dumps(entry.xattrs, separators=(",", ":")) if entry.xattrs else "[]"
    mode, uid, gid, size = entry.mode if entry.kind != "l" else 0, entry.uid, entry.gid, entry.size
    mtime, device, flags = entry.mtime, entry.device, entry.flags
    if not type(mode) is type(uid) is type(gid) is type(size) is type(mtime) is type(device) is type(flags) is int:
        raise ListError(f"damaged entry {path}: what must be numbers is not")
    kind, digest = _quoted(entry.kind), _quoted(entry.digest)
    text = f"[{path},{kind},{mode},{uid},{gid},{size},{mtime},{target},{device},{attributes},{flags},{digest},{first}]\n"
    return text.encode()


def stamps_digest(scanned: Iterable[Entry]) -> str:
    """Return SHA-256 over all paths and stamps: two lists that have the same one tell of the same state."""
    made = hashlib.sha256()
    for entry in scanned:
        made.update(b"%s\0%d %d %d %d %d\n" % (entry.path, *entry.stamp))
    return made.hexdigest()


def stale(known: Iterable[Entry], scanned: Iterable[Entry], since: int) -> Iterator[Entry]:
    """Yield the scanned entries whose content is not known: new, changed in any stamp, or changed at `since` or later.

    A write through a mapped page changes the stamp only when the page is written back; `since` is taken before a sync that
    comes before the known list was read, so that such a write has a later stamp.
    """
    for old, new in paired(known, scanned):
        if new is not None and not _is_known(old, new, since):
            yield new


def same(known: Iterable[Entry], scanned: Iterable[Entry], since: int) -> bool:
    """Return whether a tree is the known one: no object is new, gone, or one that `stale` would name."""
    return all(old is not None and new is not None and _is_known(old, new, since) for old, new in paired(known, scanned))


def changed(known: Iterable[Entry], scanned: Iterable[Entry], since: int) -> list[bytes] | None:
    """Return what is to be brought, with the folders around it.

    None: only a walk over both trees tells, because objects are gone, have several names, or are too many to name.
    """
    found: set[bytes] = set()
    for old, new in paired(known, scanned):
        if new is None:
            return None
        if not _is_known(old, new, since):
            if new.links > 1 or (old is not None and old.links > 1) or len(found) > _MOST_NAMED:
                return None
            found |= {new.path, parent(new.path)}
    # rsync takes the root as "all that lies in it"; its own attributes are repaired by a walk.
    return sorted(found - {ROOT}, key=place) if found != {ROOT} else None


def merged(known: Iterable[Entry], scanned: Iterable[Entry], looked: Iterable[Entry], since: int) -> Iterator[Entry]:
    """Yield the whole list of a tree: what `stale` names from a new look, all else as it was known.

    What was named and is not in `looked` is gone.
    """

    def chosen() -> Iterator[Entry]:
        for old, new in paired(known, scanned):
            if new is not None and old is not None and _is_known(old, new, since):
                yield old

    for old, new in paired(chosen(), looked):
        found = new or old
        if found is not None:
            yield found


def _is_known(old: Entry | None, new: Entry, since: int) -> bool:
    if old is None or not old.whole or old.stamp != new.stamp or new.ctime >= since:
        return False
    return old.kind != "f" or bool(old.digest)
