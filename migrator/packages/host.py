"""Read the resources of a build host, and decide how to prepare it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from migrator.adapters.clock import SystemClock

MIB = 1024 * 1024
LINK_MIB = 4096
"""Peak memory of linking the kubelet, in MiB; a board with 2 GB of memory needed 4.5 GB of swap."""
JOB_MIB = 1024
"""Memory of one more compiler process, in MiB."""
DISK_MIB = 8192
"""Disk for sources, modules, Go's cache and the package of one Kubernetes version, in MiB."""
_MOST_ZRAM_MIB = 2000
# Core seconds of a build with empty caches, measured on an x86-64 server with two cores.
_CORE_SECONDS = {"kubernetes": 400.0, "cri-o": 120.0, "crictl": 70.0, "cni-plugins": 50.0}


@dataclass(slots=True, frozen=True)
class BuildHost:
    """A machine's resources; sizes in MiB."""

    memory: int
    swap: int
    cpus: tuple[int, ...]
    """Those that are online."""
    disk: int
    """Free where the work folder lies."""
    tmp_in_memory: bool
    zram: bool
    """Whether the kernel can make compressed swap in memory."""


@dataclass(slots=True, frozen=True)
class Preparation:
    """Changes to a host during a build; sizes in MiB, 0 for no change."""

    zram: int
    swap_file: int
    jobs: int
    offline: tuple[int, ...]
    """CPUs to take offline; only where one compiler process needs more than the memory."""
    reasons: tuple[str, ...]
    shortage: str
    """Why a build cannot succeed here; empty if it can."""

    @property
    def steps(self) -> tuple[str, ...]:
        """What is done for the time of the build, in words."""
        zram = (f"{self.zram} MiB of compressed swap in memory (zram)",) if self.zram else ()
        swap = (f"a swap file of {self.swap_file} MiB",) if self.swap_file else ()
        offline = (f"CPUs {', '.join(map(str, self.offline))} offline for the time of the build",) if self.offline else ()
        return (f"{self.jobs} compilers at a time", *zram, *swap, *offline)


def read_host(work: Path, root: Path = Path("/")) -> BuildHost:
    """Read a machine from its /proc and /sys below `root`."""
    numbers = {}
    for line in (root / "proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        numbers[name] = int(value.split()[0]) // 1024
    mounts = [line.split()[1:3] for line in (root / "proc/mounts").read_text().splitlines()]
    # The work folder may not be there yet; free space is that of the file system it will be in.
    place = work
    while not place.exists():
        place = place.parent
    return BuildHost(
        memory=numbers["MemTotal"],
        swap=numbers["SwapTotal"],
        cpus=_range((root / "sys/devices/system/cpu/online").read_text()),
        disk=shutil.disk_usage(place).free // MIB,
        tmp_in_memory=["/tmp", "tmpfs"] in mounts,  # noqa: S108 - that is the folder in question
        zram=(root / "sys/class/zram-control").exists() or any((root / "lib/modules").glob(f"{os.uname().release}/**/zram.ko*")),
    )


def prepare(host: BuildHost) -> Preparation:
    """Decide what a build needs on this host."""
    reasons = []
    missing = max(0, LINK_MIB - host.memory - host.swap)
    zram = min(missing, _MOST_ZRAM_MIB, host.memory) if host.zram else 0
    swap_file = missing - zram
    if missing:
        reasons.append(f"linking needs {LINK_MIB} MiB and there are {host.memory} MiB of memory and {host.swap} MiB of swap")
    jobs = max(1, min(len(host.cpus), host.memory // JOB_MIB))
    if jobs < len(host.cpus):
        reasons.append(f"{jobs} compiler processes fit into the memory, not {len(host.cpus)}")
    offline = host.cpus[1:] if host.memory < JOB_MIB // 2 else ()
    if offline:
        reasons.append("the linker itself uses all CPUs, and the memory is too small for more than one thread")
    if host.tmp_in_memory:
        reasons.append("temporary files are kept in memory here: the build uses the work folder for its own")
    need = DISK_MIB + swap_file
    shortage = f"{host.disk} MiB are free on disk, {need} MiB are needed" if host.disk < need else ""
    return Preparation(zram, swap_file, jobs, offline, tuple(reasons), shortage)


def estimate(jobs: int, state: Path) -> dict[str, float]:
    """Return an estimate in seconds for each package: from an earlier build here, else from a server's cores."""
    known = {**_CORE_SECONDS, **_read_times(state)}
    return {name: seconds / jobs for name, seconds in known.items()}


@contextmanager
def remember(name: str, jobs: int, state: Path) -> Iterator[None]:
    """Record the duration of a successful build."""
    clock = SystemClock()
    begun = clock.monotonic()
    yield
    times = {**_read_times(state), name: (clock.monotonic() - begun) * jobs}
    (state / "times.json").write_text(json.dumps(times))


def _read_times(state: Path) -> dict[str, float]:
    try:
        return dict(json.loads((state / "times.json").read_text()))
    except (OSError, ValueError):
        return {}


def _range(text: str) -> tuple[int, ...]:
    """Return the numbers of a list in the kernel's format, such as `0-2,5`."""
    found: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return tuple(found)
