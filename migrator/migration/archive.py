"""The archive of blue: one compressed file of JSON lines, private, whole on the disk, and read back before it counts."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

from migrator.errors import MigratorError
from migrator.journal.disk import sync_folder
from migrator.model.events import Note, Progress, Step
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ResourceType
from migrator.model.strange import Unparsed
from migrator.ports import ByteSink, ClusterReader, Reporter, Sealer

# The archive is read back for its digest without being held in memory.
_CHUNK = 1 << 20


@dataclass(slots=True, frozen=True)
class Archived:
    """What an archive holds."""

    objects: int
    sha256: str
    """Digest of the file, in hexadecimal digits."""


def archive(
    blue: ClusterReader, kinds: Iterable[ResourceType], path: Path, reporter: Reporter, sealer: Sealer | None = None
) -> Archived:
    """Write every readable object of blue into one file of mode 0600, through `sealer` if there is one.

    Raises MigratorError unless the file was read back from the disk as it was written; an earlier file keeps its place then.
    """
    reporter.emit(Step(f"archiving blue to {path}"))
    if sealer is None:
        reporter.emit(Note(f"{path} holds Secrets in clear; --encrypt-to encrypts it", warning=True))
    # Beside it: a rename across file systems is a copy.
    partial = path.with_name(path.name + ".new")
    try:
        partial.unlink(missing_ok=True)  # a run that was killed has left it, or somebody else has, with another mode
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(partial, flags, 0o600), "wb") as file:
            written = _Digested(file)
            with sealer.sealing(written) if sealer else nullcontext(written) as inner:
                objects = _fill(inner, blue, kinds, reporter)
            file.flush()
            os.fsync(file.fileno())
        _require_same(partial, written.sha256, None if sealer else objects)
        partial.replace(path)
        # The rename itself must be on the disk before blue counts as retired.
        sync_folder(path.parent)
    except OSError as error:
        raise MigratorError(
            f"the archive {path} cannot be written: {error.strerror or error}", hint="blue is not retired"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return Archived(objects, written.sha256)


class _Digested:
    """A file that knows the digest of what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:
        """Write and count in."""
        self._digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Do what a compressed file asks of the file below it."""
        self._file.flush()


def _fill(target: ByteSink, blue: ClusterReader, kinds: Iterable[ResourceType], reporter: Reporter) -> int:
    """Write all objects, one a line, and return their number."""
    count = 0
    # Without a time in it, the same objects give the same digest.
    with gzip.GzipFile(fileobj=target, mode="wb", mtime=0) as file:  # type: ignore[call-overload]  # it only writes and flushes

        def keep(item: Unparsed) -> None:
            nonlocal count
            file.write(item.content.replace(b"\n", b" ") + b"\n")  # no string of JSON holds a line break
            count += 1

        for resource in kinds:
            for manifest in blue.list(resource, unparsed=keep):
                file.write(_line(manifest))
                count += 1
                if count % 500 == 0:
                    reporter.emit(Progress("archiving", count, 0))
    return count


def _line(manifest: Manifest) -> bytes:
    try:
        return orjson.dumps(manifest) + b"\n"
    except orjson.JSONEncodeError:
        pass
    try:
        # orjson refuses what is nested more than 254 levels deep, and lone surrogates.
        return json.dumps(manifest, separators=(",", ":")).encode() + b"\n"
    except (ValueError, RecursionError):
        name = f"{manifest['kind']}/{get(manifest, 'metadata', 'namespace') or ''}/{get(manifest, 'metadata', 'name')}"
        raise MigratorError(
            f"{name} cannot be written: it is nested too deep", hint="keep it by other means, then delete it"
        ) from None


def _require_same(path: Path, sha256: str, objects: int | None) -> None:
    """Raise MigratorError unless the file on the disk is what was written; count its objects where they are in clear."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        # Else the pages that were just written answer, and the disk is not asked.
        if hasattr(os, "posix_fadvise"):  # macOS has none
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise MigratorError(
            f"{path} was read back with other bytes than were written", hint="look at the disk; blue is not retired"
        )
    if objects is not None and (found := _lines(path)) != objects:
        raise MigratorError(f"{path} holds {found} objects, not {objects}", hint="blue is not retired")


def _lines(path: Path) -> int:
    try:
        with gzip.open(path) as file:
            return sum(1 for _ in file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise MigratorError(f"{path} cannot be decompressed: {error}", hint="look at the disk; blue is not retired") from error
