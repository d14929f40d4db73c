"""Look at the files that flags of static pods name: whether they are there, and of settings which versions are in them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from migrator.model.facts import HostReading
from migrator.model.named_files import (
    ADMISSION,
    SETTINGS,
    FileReading,
    NamedFile,
    files_of_cluster,
    files_of_manifests,
    files_of_settings,
)
from migrator.model.strange import STRANGE
from migrator.ports import Host
from migrator.untrusted import for_shell

# Settings hold keys and tokens: the values of these words alone leave the host, of `kms` none that is not a version, and `path`
# where settings name the files of admission plugins.
_WORDS = (
    r"sed '/^[[:space:]]*#/d' {path} 2>/dev/null | tr -d '\042\047' | "
    r"grep -oE '(^|[[:space:]{{,])({words})[[:space:]]*:[[:space:]]*[A-Za-z0-9._/-]*' | head -n 500 | "
    r"sed 's/^[[:space:]{{,]*/{number} /'"
)
_WORD = re.compile(r"(\d+) (there$|apiVersion|kms|path)(?:\s*:\s*(\S*)$)?")


def with_named_files(host: Host, reading: HostReading, config: Mapping[str, Any]) -> HostReading:
    """Return a control plane's reading with the files that its static pods are told to read, now and by the cluster's settings."""
    wanted = list(_wanted(reading, config))
    if reading.error or not wanted:
        return reading
    found = list(_looked_at(host, wanted))
    more = dict.fromkeys(
        item for one, paths in found for path in paths for item in files_of_settings(one.file, path, reading.manifests)
    )
    found += _looked_at(host, list(more)) if more else []
    return replace(reading, named_files=tuple(one for one, _ in found))


def _looked_at(host: Host, wanted: list[NamedFile]) -> Iterable[tuple[FileReading, list[str]]]:
    """Yield what the host tells of each file, and the paths that settings of admission plugins name."""
    told = host.run("; ".join(_look(number, file) for number, file in enumerate(wanted)) + "; true")
    there: set[int] = set()
    words: dict[int, list[tuple[str, str]]] = {number: [] for number in range(len(wanted))}
    for match in filter(None, map(_WORD.match, told.splitlines())):
        if match[2] == "there":
            there.add(int(match[1]))
        else:
            words[int(match[1])].append((match[2], match[3] or ""))
    for number, file in enumerate(wanted):
        yield _read(file, number in there, words[number]), [value for key, value in words[number] if key == "path" and value]


def _wanted(reading: HostReading, config: Mapping[str, Any]) -> Iterable[NamedFile]:
    found = dict.fromkeys(files_of_manifests(reading.manifests))
    with contextlib.suppress(*STRANGE):  # settings of a strange form are a finding of another check
        found |= dict.fromkeys(file for file in files_of_cluster(config) if file.on_host)
    return found


def _look(number: int, file: NamedFile) -> str:
    path = for_shell(file.on_host)
    keys = "apiVersion|kms|path" if file.flag == ADMISSION else "apiVersion|kms"
    words = f"; {_WORDS.format(path=path, number=number, words=keys)}" if file.flag in SETTINGS else ""
    return f"if test -f {path} && test -s {path}; then echo '{number} there'{words}; fi"


def _read(file: NamedFile, there: bool, words: list[tuple[str, str]]) -> FileReading:  # noqa: FBT001 - read right above
    versions = [value for key, value in words if key == "apiVersion"]
    plug_ins = sum(key == "kms" for key, _ in words)
    return FileReading(file, there, tuple(dict.fromkeys(filter(None, versions))), kms_v1=plug_ins > versions.count("v2"))
