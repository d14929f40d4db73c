"""A cgroup for each test node, so that two systemds never meet in one and nothing is left behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

from migrator.testbed.waiting import PATIENCE_SECONDS


def make_cgroups(name: str, root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> list[Path]:
    """Make a cgroup below our own in every hierarchy; returns their folders, none on a machine with cgroup v2 alone.

    The node sees its cgroup as the root. On v2, systemd-nspawn makes one by itself. With both, it takes the path that it has on v2
    for `name=systemd`, too: without one there, nodes of one name in two labs would have the cgroups of their static pods in common.
    """
    folders = []
    for line in own.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        hierarchy = root / (controllers.removeprefix("name=") or "unified")
        if not hierarchy.exists():
            continue
        folder = hierarchy / path.strip("/") / f"node-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        if controllers == "cpuset":
            for setting in ("cpuset.cpus", "cpuset.mems"):
                (folder / setting).write_text((folder.parent / setting).read_text())
        folders.append(folder)
    return folders


def remove_cgroups(folders: list[Path]) -> list[Path]:
    """Remove these cgroups, deepest folder first; returns those that stay because something still runs in them."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    left = folders
    while left and time.monotonic() < deadline:
        for folder in left:
            for path, _, _ in os.walk(folder, topdown=False):
                try:
                    Path(path).rmdir()
                except OSError:
                    continue
        left = [folder for folder in left if folder.exists()]
        if left:
            time.sleep(0.1)
    return left


def members(folders: list[Path]) -> set[int]:
    """Return the ids of all processes in these cgroups and below."""
    found: set[int] = set()
    for folder in folders:
        for path, _, _ in os.walk(folder):
            try:
                found.update(int(line) for line in (Path(path) / "cgroup.procs").read_text().split())
            except OSError:
                continue
    return found
