"""Two hosts in network and mount namespaces of this machine: real sshd, rsync and tar; systemd is a stub that runs units behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.clock import SystemClock
from migrator.errors import CommandFailedError
from migrator.model.volumes import Direction, Job, Place
from migrator.volumes.line import Machine
from migrator.volumes.mover import NodeMover

NEEDED = ("rsync", "sshd", "setfacl", "setfattr", "unshare", "nsenter", "ip", "mkfs.ext4")
_DISK = Path("/var/tmp")  # noqa: S108 - a disk, where /tmp may be memory
_SYSTEMCTL = """#!/bin/sh
units=$UNITS
state() {
  test -e "$units/$1.pid" || { echo inactive/dead/0; return; }
  if test -e "$units/$1.code"; then
    code=$(cat "$units/$1.code")
    test "$code" = 0 && echo active/exited/0 || echo "failed/failed/$code"
  elif kill -0 "$(cat "$units/$1.pid")" 2>/dev/null; then echo active/running/0
  else echo failed/failed/9
  fi
}
case "$1" in
  stop)
    for unit in "$@"; do
      test -e "$units/$unit.pid" || continue
      test -e "$units/$unit.code" || kill -s KILL -- "-$(cat "$units/$unit.pid")" 2>/dev/null
      test -e "$units/$unit.post" && sh "$units/$unit.post"
      rm -f "$units/$unit".*
    done ;;
  show)
    for last; do :; done
    found=$(state "$last")
    rest=${found#*/}
    case "$*" in
      *--value*) echo "${rest%%/*}" ;;
      *) printf 'ActiveState=%s\\nSubState=%s\\nExecMainStatus=%s\\n' "${found%%/*}" "${rest%%/*}" "${rest#*/}" ;;
    esac ;;
esac
exit 0
"""
_SYSTEMD_RUN = """#!/bin/sh
while test "$1" != sh; do
  case "$1" in
    --unit=*) unit=${1#--unit=} ;;
    --property=ExecStopPost=*) post=${1#--property=ExecStopPost=} ;;
  esac
  shift
done
rm -f "$UNITS/$unit".*
test -z "$post" || echo "${post#+}" > "$UNITS/$unit.post"
setsid sh -c '
  echo $$ > "$1.pid"; out=$1; shift
  "$@"; code=$?
  test ! -e "$out.post" || sh "$out.post"
  echo $code > "$out.code"' unit "$UNITS/$unit" "$@" < /dev/null > "$UNITS/$unit.out" 2>&1 &
until test -s "$UNITS/$unit.pid"; do sleep 0.01; done
"""


@dataclass(slots=True)
class SpaceHost:
    """Fills the `Host` port: a shell in namespaces of its own."""

    name: str
    address: str
    folder: Path
    pid: int
    clock: SystemClock = field(default_factory=SystemClock)

    def run(self, command: str, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
        """Run a line of shell there."""
        done = self._ran(command, stdin, timeout)
        if done.returncode:
            raise CommandFailedError(command[:200], done.returncode, (done.stderr or done.stdout).decode(errors="replace"))
        return done.stdout.decode(errors="replace")

    def ok(self, command: str, *, timeout: float = 60.0) -> bool:
        """Return whether it ends well."""
        return self._ran(command, b"", timeout).returncode == 0

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        return self._ran(f"cat '{path}'", b"", 60.0).stdout

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Put a file in place."""
        self.run(f"mkdir -p '{Path(path).parent}' && cat > '{path}' && chmod {mode:o} '{path}'", stdin=content)

    def inside(self) -> list[str]:
        """Return the words before a command that runs there."""
        return [
            "nsenter",
            "-t",
            str(self.pid),
            "-m",
            "-n",
            "--",
            "env",
            f"PATH={self.folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            f"UNITS={self.folder}/units",
        ]

    @property
    def units(self) -> list[str]:
        """Units that are there, whether they run or not."""
        return sorted({path.name.rpartition(".")[0] for path in (self.folder / "units").iterdir()})

    def processes(self) -> list[int]:
        """Return the processes that run there."""
        return list(_processes_of(Path(f"/proc/{self.pid}/ns/mnt").readlink()))

    def lose_all_processes(self) -> None:
        """End all that runs there at once, as a reset does, which also loses what is kept in memory."""
        while found := [pid for pid in self.processes() if pid != self.pid]:
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for folder in ("units", "run"):
            for path in (self.folder / folder).iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _ran(self, command: str, stdin: bytes, timeout: float) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*self.inside(), "sh", "-c", command], input=stdin, capture_output=True, timeout=timeout, check=False)


def _processes_of(space: Path) -> Iterator[int]:
    """Yield the processes of a mount namespace that have not ended."""
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (path / "ns/mnt").readlink() == space:
                yield int(path.name)


@dataclass(slots=True)
class VolumePair:
    """A host of blue and one of green, each with a folder for volumes of its own."""

    blue: SpaceHost
    green: SpaceHost
    folder: Path

    @property
    def mover(self) -> NodeMover:
        """The mover from blue to green."""
        return NodeMover({"b": Machine(self.blue, self.blue.address)}, {"g": Machine(self.green, self.green.address)})

    @property
    def back(self) -> NodeMover:
        """The mover from green to blue."""
        return NodeMover({"g": Machine(self.green, self.green.address)}, {"b": Machine(self.blue, self.blue.address)})

    def volume(self, name: str, *, kind: str = "", megabytes: int = 64) -> tuple[Path, Path]:
        """Return a pair of empty volumes as this process sees them; with a kind of file system each is one of its own."""
        found = []
        for host in (self.blue, self.green):
            path = host.folder / "volumes" / name
            path.mkdir(parents=True)
            if kind:
                image = host.folder / f"{name}.img"
                subprocess.run(["truncate", "-s", f"{megabytes}M", str(image)], check=True)
                force = "-F" if kind.startswith("ext") else "-f"
                subprocess.run([f"mkfs.{kind}", "-q", force, str(image)], check=True, capture_output=True)
                subprocess.run(["mount", "-o", "loop", str(image), str(path)], check=True)
                host.run(f"mount -o loop '{image}' '{path}' || true")
            found.append(path)
        return found[0], found[1]

    def job(self, name: str, *, back: bool = False, **more: Any) -> Job:
        """Return a pass of a volume."""
        places = [Place("b", str(self.blue.folder / "volumes" / name)), Place("g", str(self.green.folder / "volumes" / name))]
        source, target = places[::-1] if back else places
        return Job(f"shop/{name}", source, target, Direction.TO_BLUE if back else Direction.TO_GREEN, **more)


@contextlib.contextmanager
def volume_pair(parent: Path = _DISK, *, apart: bool = False) -> Iterator[VolumePair]:
    """Make two hosts that reach each other over a pair of virtual cables, and take them away.

    With `apart`, each one reaches this machine only.
    """
    missing = [name for name in NEEDED if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
    if missing or os.geteuid():
        if os.environ.get("CI") == "true":
            pytest.fail(f"needs root, and {', '.join(missing)}: scripts/system.sh installs them")
        pytest.skip(f"needs root, and {', '.join(missing)}")
    folder = Path(tempfile.mkdtemp(prefix="migrator-volumes-", dir=parent))
    # This machine has addresses among those that are apart: each process of tests has others.
    net, part = f"10.{214 + os.getpid() // 127 % 32}", os.getpid() % 127 * 2
    addresses = (f"{net}.{part}.1", f"{net}.{part + 1}.1") if apart else ("10.213.77.1", "10.213.77.2")
    hosts = [_host(folder, name, address) for name, address in zip(("blue", "green"), addresses, strict=True)]
    try:
        if apart:
            for host in hosts:
                _cable_to_us(host)
        else:
            _cable(hosts[0], hosts[1])
        yield VolumePair(hosts[0], hosts[1], folder)
    finally:
        for host in hosts:
            for unit in host.units:
                host.run(f"systemctl stop {unit}")
            os.kill(host.pid, signal.SIGKILL)
            os.waitpid(host.pid, 0)
        for path in sorted(folder.glob("*/volumes/*"), reverse=True):
            if os.path.ismount(path):
                subprocess.run(["umount", "-l", str(path)], check=False)
        subprocess.run(["chattr", "-R", "-i", "-a", str(folder)], check=False, capture_output=True)
        shutil.rmtree(folder)


def _host(folder: Path, name: str, address: str) -> SpaceHost:
    home = folder / name
    for part in ("bin", "units", "volumes", "run", "lib", "log"):
        (home / part).mkdir(parents=True)
    for program, text in (("systemctl", _SYSTEMCTL), ("systemd-run", _SYSTEMD_RUN)):
        (home / "bin" / program).write_text(text)
        (home / "bin" / program).chmod(0o755)
    # What the tool keeps on a host is each host's own.
    private = " && ".join(
        f"mkdir -p {there} && mount --bind {home}/{part} {there}"
        for part, there in (("run", "/run/migrator"), ("lib", "/var/lib/migrator"), ("log", "/var/log/migrator"))
    )
    started = subprocess.Popen(
        ["unshare", "--mount", "--net", "sh", "-c", f"{private} && ip link set lo up && echo up && exec sleep infinity"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "up\n"
    return SpaceHost(name, address, home, started.pid)


def _cable(one: SpaceHost, other: SpaceHost) -> None:
    names = f"mv{os.getpid()}a", f"mv{os.getpid()}b"
    subprocess.run(["ip", "link", "add", names[0], "type", "veth", "peer", "name", names[1]], check=True)
    for host, name in zip((one, other), names, strict=True):
        subprocess.run(["ip", "link", "set", name, "netns", str(host.pid)], check=True)
        host.run(f"ip addr add {host.address}/24 dev {name} && ip link set {name} up")


def _cable_to_us(host: SpaceHost) -> None:
    ours, theirs = f"mv{os.getpid()}{host.name[0]}", f"mv{os.getpid()}{host.name[0]}1"
    subprocess.run(["ip", "link", "add", ours, "type", "veth", "peer", "name", theirs], check=True)
    subprocess.run(["ip", "link", "set", theirs, "netns", str(host.pid)], check=True)
    subprocess.run(["ip", "addr", "add", f"{host.address.rpartition('.')[0]}.2/24", "dev", ours], check=True)
    subprocess.run(["ip", "link", "set", ours, "up"], check=True)
    host.run(f"ip addr add {host.address}/24 dev {theirs} && ip link set {theirs} up")
