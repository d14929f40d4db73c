"""A second program that judges a proof against a folder: it shares no line with the first, and knows only what docs/volumes.md says.

It leaves out attributes of files, which `migrator proof verify --tree` compares.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
import struct
from pathlib import Path
from typing import Any

_BLOCK = 128 * 1024
_LETTERS = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l"}


def disagreements(proof: Path, folder: Path) -> list[str]:
    """Return what of a folder is not as the proof says, one sentence each."""
    with gzip.open(proof, "rt", encoding="utf-8", errors="surrogateescape") as file:
        _, *lines, end = map(json.loads, file)
    said = {item["path"]: item for item in lines}
    found = {".", *(os.path.relpath(path, folder) for path in folder.rglob("*"))}
    wrong = [f"{path} is only in the {'proof' if path in said else 'folder'}" for path in found ^ set(said)]
    if end != {"end": len(lines)}:
        wrong.append("the list has no whole end")
    return wrong + [text for path in found & set(said) for text in _compared(said[path], folder / path)]


def _compared(said: dict[str, Any], path: Path) -> list[str]:
    there = path.lstat()
    kind = _LETTERS.get(stat.S_IFMT(there.st_mode), "other")
    values = {
        "kind": kind,
        "uid": there.st_uid,
        "gid": there.st_gid,
        "mtime": there.st_mtime_ns,
        "mode": stat.S_IMODE(there.st_mode),
    }
    if kind == "f":
        values |= {"size": there.st_size, "digest": _digest(path)}
    return [f"{path}: {name} is {value}, not {said[name]}" for name, value in values.items() if said[name] != value]


def _digest(path: Path) -> str:
    content = path.read_bytes()
    made = hashlib.sha256(struct.pack("<Q", len(content)))
    for offset in range(0, len(content), _BLOCK):
        block = content[offset : offset + _BLOCK]
        if block.count(0) < len(block):
            made.update(struct.pack("<Q", offset) + block)
    return made.hexdigest()
