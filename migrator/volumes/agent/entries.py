"""One file system object as a value, and how a list of them is written.

A list is text: a JSON object a line, in the order of `place`, and a last line with their number, so that half a list is not a list.
Between hosts and passes a line is an array of many entries, each an array of its values: that is read several times faster.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, NamedTuple

ROOT = b"."
"""The path of the volume's own folder."""
TOGETHER = 256
"""Entries in one line of an array."""
LONGEST_LINE = 1 << 27
"""Bytes of a line that is read: as many entries, each with four attributes of 64 KiB (XATTR_SIZE_MAX). A longer one is damaged."""


class ListError(Exception):
    """A list of entries is damaged, or not whole."""


class Entry(NamedTuple):
    """An object in a volume; what only an opened object tells is there when `whole` is set."""

    path: bytes
    """Below the volume's folder; any bytes."""
    kind: str
    """`f`ile, `d`irectory, `l`ink, `p`ipe, `s`ocket, `b`lock or `c`haracter device."""
    mode: int
    uid: int
    gid: int
    size: int
    """Bytes of a file; 0 for all else."""
    mtime: int
    """Nanoseconds since 1970, as all times here."""
    ctime: int
    inode: int
    links: int
    blocks: int
    """Allocated units of 512 bytes."""
    device: int
    target: bytes = b""
    xattrs: tuple[tuple[str, str], ...] = ()
    """Name and value in hexadecimal; ACLs are among them."""
    flags: int = 0
    """Those of `chattr` that are kept."""
    digest: str = ""
    """Of a file's content; empty for a file that was written to while it was read."""
    whole: bool = False

    @property
    def stamp(self) -> tuple[int, int, int, int, int]:
        """What the kernel changes with any change of the object or its content, but for writes through a mapped page."""
        return self.ctime, self.inode, self.size, self.mtime, self.links


_NUMBERS = Entry._fields[2:12]


def place(path: bytes) -> list[bytes]:
    """Return what entries are sorted by: a folder comes before what is in it, and that before the folder's next neighbour."""
    return [] if path == ROOT else path.split(b"/")


def parent(path: bytes) -> bytes:
    """Return the folder that a path lies in; the root lies in itself."""
    return path.rpartition(b"/")[0] or ROOT


def shown(path: bytes) -> str:
    """Return a path as text; bytes that are not UTF-8 become lone surrogates, whatever the host's language is."""
    return path.decode("utf-8", "surrogateescape")


def to_line(entry: Entry) -> str:
    """Return one line of JSON; bytes that are not UTF-8 become lone surrogates, as Python writes names of files."""
    # Put together here: that takes a third of the time of `json.dumps`, and a workload stands still while a proof is written.
    path, target, kind, digest = map(_quoted, (shown(entry.path), shown(entry.target), entry.kind, entry.digest))
    xattrs = json.dumps(entry.xattrs, separators=(",", ":")) if entry.xattrs else "[]"
    numbers = ",".join([f'"{name}":{int(value)}' for name, value in zip(_NUMBERS, entry[2:12], strict=True)])
    whole = "true" if entry.whole else "false"
    return (
        f'{{"path":{path},"kind":{kind},{numbers},"target":{target},"xattrs":{xattrs},"flags":{int(entry.flags)},'
        f'"digest":{digest},"whole":{whole}}}'
    )


def from_line(line: str | bytes) -> Entry:
    """Return the entry of a line; raises ListError."""
    try:
        values = json.loads(line)
        values["path"], values["target"] = (values[name].encode("utf-8", "surrogateescape") for name in ("path", "target"))
        values["xattrs"] = tuple((str(name), str(value)) for name, value in values["xattrs"])
        return Entry(**values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ListError(f"damaged entry: {error}") from error


def to_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the lines of a list."""
    count = 0
    for entry in entries:
        count += 1
        yield to_line(entry)
    yield json.dumps({"end": count})


def to_arrays(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the lines of a list that only this program reads."""
    count, left = 0, iter(entries)
    while some := list(islice(left, TOGETHER)):
        count += len(some)
        yield json.dumps([(shown(item[0]), *item[1:12], shown(item[12]), *item[13:]) for item in some], separators=(",", ":"))
    yield json.dumps({"end": count})


def _from_array(line: str | bytes) -> list[Entry]:
    try:
        return [_made(*values) for values in json.loads(line)]
    except (ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ListError(f"damaged entry: {error}") from error


def _made(path: str, *values: Any) -> Entry:
    target = values[11].encode("utf-8", "surrogateescape") if values[11] else b""
    xattrs = tuple([(str(name), str(value)) for name, value in values[12]]) if values[12] else ()
    return Entry._make((path.encode("utf-8", "surrogateescape"), *values[:11], target, xattrs, *values[13:]))


def _end(line: str | bytes) -> Any:
    try:
        return json.loads(line)["end"]
    except (ValueError, KeyError, RecursionError) as error:
        raise ListError(f"damaged end of the list: {error}") from error


def from_lines(lines: Iterable[str | bytes]) -> Iterator[Entry]:
    """Yield the entries of a list; raises ListError when it is damaged or its end is missing."""
    count, ended = 0, False
    for line in lines:
        if ended:
            raise ListError("there is something behind the end of the list")
        if line[:6] in ('{"end"', b'{"end"'):
            ended = True
            if (said := _end(line)) != count:
                raise ListError(f"{count} entries were read, and the list says it has {said}")
            continue
        found = _from_array(line) if line[:1] in ("[", b"[") else (from_line(line),)
        count += len(found)
        yield from found
    if not ended:
        raise ListError(f"the list ends after {count} entries, without its last line")
