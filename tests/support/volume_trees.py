"""Entries without a file system, and a channel to a folder of this machine."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.volumes.agent.channel import Channel, Line
from migrator.volumes.agent.entries import ROOT, Entry


def entry(path: bytes = b"a", **more: Any) -> Entry:
    """Return a file of ten bytes; keywords replace what it has."""
    values: dict[str, Any] = {
        "kind": "f", "mode": 0o644, "uid": 0, "gid": 0, "size": 10, "mtime": 1, "ctime": 100, "inode": abs(hash(path)), "links": 1,
        "blocks": 8, "device": 0, "digest": "abc", "whole": True, **more,
    }  # fmt: skip
    return Entry(path, **values)


def root(**more: Any) -> Entry:
    """Return a volume's own folder."""
    return entry(ROOT, kind="d", size=0, digest="", mode=0o755, **more)


@dataclass(frozen=True)
class _Script(Line):
    @property
    def ssh(self) -> list[str]:
        return [self.sockets]


def local_channel(folder: Path, volume: Path) -> Channel:
    """Return a channel whose other side is a process of this machine, without an SSH server."""
    script = folder / "ssh"
    program = f"exec {sys.executable} -m migrator.volumes.agent.main serve '{volume}'"
    script.write_text(f'#!/bin/sh\nshift\nexport SSH_ORIGINAL_COMMAND="$*"\n{program}\n')
    script.chmod(0o755)
    return Channel(_Script("there", 22, "root", "", "", "", str(script)))
