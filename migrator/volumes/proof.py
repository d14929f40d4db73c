"""The proof of one volume: what both sides held when they were equal. It can be checked without a cluster and without a network.

A compressed file of JSON lines: the first tells who, where and when, each other one is an entry, the last one their number.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from migrator.errors import ConfigError
from migrator.volumes.agent.compare import differences, root_digest, totals
from migrator.volumes.agent.entries import LONGEST_LINE, Entry, ListError, from_lines
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.tree import Tree, TreeError

FORMAT = 1
_WORD = "volume"
# Differences in one answer; the rest is counted.
_MOST = 20


@dataclass(slots=True, frozen=True)
class Checked:
    """What came of a check."""

    head: Mapping[str, Any]
    wrong: tuple[str, ...]
    """What does not hold, one sentence each; empty for a good proof."""


def make_proof(head: Mapping[str, Any], entries: bytes) -> bytes:
    """Return the file; `head` has the numbers and digests of a pass, `entries` is the list that the target's host kept."""
    packed = io.BytesIO()
    # Without a time, equal content is an equal file.
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        file.write(json.dumps({"proof": _WORD, "format": FORMAT, **head}).encode() + b"\n")
        file.write(entries)
    return packed.getvalue()


def check_proof(path: Path, tree: Path | None = None) -> Checked:
    """Compute everything again from the entries; with a tree also compare that folder, which is only read.

    Raises ConfigError for a file that is not a proof.
    """
    try:
        with gzip.open(path, "rb") as file:
            head = json.loads(file.readline(LONGEST_LINE))
        if not isinstance(head, dict) or head.get("proof") != _WORD or head.get("format") != FORMAT:
            raise ConfigError([f"{path}: is not a proof of a volume"])
        wrong = list(_wrong(path, head))
        if tree:
            wrong += _wrong_in(path, tree, Exclude(head.get("excluded", {}).get("patterns", ())))
    except (OSError, ValueError, EOFError, zlib.error, ListError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            [f"{path}: cannot be read as a proof: {why}"], hint="is it the file that `migrator data finish` wrote?"
        ) from error
    return Checked(head, tuple(wrong))


def _wrong(path: Path, head: Mapping[str, Any]) -> Iterator[str]:
    counted = totals(_entries(path)).document()
    for name in ("entries", "files", "bytes"):
        if counted[name] != head[name]:
            yield f"{name}: the list amounts to {counted[name]}, and the proof says {head[name]}"
    digest = root_digest(_entries(path))
    for side in ("source", "target"):
        if head["root"][side] != digest:
            yield f"the list's digest is {digest}, and the proof says that the {side} had {head['root'][side]}"
    unread = [entry.path for entry in _entries(path) if entry.kind == "f" and not entry.digest]
    if unread:
        yield f"{len(unread)} files have no digest: {os.fsdecode(unread[0])}"


def _wrong_in(path: Path, tree: Path, exclude: Exclude) -> list[str]:
    try:
        found = [str(item) for item in differences(_entries(path), Tree(str(tree.resolve()), exclude).read())]
    except TreeError as error:
        return [f"{tree}: {error}"]
    except OSError as error:  # the proof itself was read whole before
        where = f": {error.filename}" if error.filename else ""
        raise ConfigError([f"{tree}: cannot be read{where}: {error.strerror}"]) from error
    more = [f"and {len(found) - _MOST} more"] if len(found) > _MOST else []
    return [*(f"{tree}: {text}" for text in islice(found, _MOST)), *more]


def _entries(path: Path) -> Iterator[Entry]:
    with gzip.open(path, "rb") as file:
        file.readline(LONGEST_LINE)
        yield from from_lines(line.rstrip(b"\n") for line in iter(partial(file.readline, LONGEST_LINE), b""))
