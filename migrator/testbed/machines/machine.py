"""Boot one test node and end it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from migrator.adapters.commands import run
from migrator.errors import MigratorError
from migrator.testbed.machines.cgroups import make_cgroups, members, remove_cgroups
from migrator.testbed.machines.rootfs import USER, unmount
from migrator.testbed.processes import Process, start_time
from migrator.testbed.waiting import PATIENCE_SECONDS

# The shell joins the node's cgroups first; systemd-nspawn ends with 133 when the node asks for a reboot.
#
# A link of the same name may still be there: the kernel takes a dead node's network down in its own time.
_JOIN_AND_RUN = """\
link=$1; shift
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift
while ip link delete "$link" 2> /dev/null; "$@"; [ $? -eq 133 ]; do :; done
"""


@dataclass(slots=True, frozen=True)
class Machine:
    """A test node, on or off."""

    name: str
    address: str
    process: Process
    """The shell that keeps systemd-nspawn running."""
    cgroups: tuple[str, ...]

    @property
    def alive(self) -> bool:
        """Whether it is on."""
        return self.process.alive


def write_root(root: Path, *, name: str, address: str, gateway: str, hosts: dict[str, str], public_key: str) -> None:
    """Make a copied root file system this node's: name, address, registry, the key that may log in."""
    (root / "etc/hostname").write_text(f"{name}\n")
    (root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
    known = "".join(f"{where} {who}\n" for who, where in hosts.items())
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n{known}")
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    # A name server that refuses at once: CoreDNS does not start with none, and a silent one slows everything down.
    (root / "etc/resolv.conf").write_text(f"nameserver {gateway}\noptions timeout:1 attempts:1\n")
    (root / "etc/testbed").write_text(f"ADDRESS={address}/24\nGATEWAY={gateway}\n")
    mirrors = root / "etc/containers/registries.conf.d/90-testbed.conf"
    mirrors.parent.mkdir(parents=True, exist_ok=True)
    mirrors.write_text(
        "".join(
            f'[[registry]]\nprefix = "{prefix}"\nlocation = "{gateway}:5000"\ninsecure = true\n'
            for prefix in ("registry.k8s.io", "shop.example", f"{gateway}:5000")
        )
    )
    home = root / "home" / USER
    owner = home.stat()
    keys = home / ".ssh/authorized_keys"
    keys.parent.mkdir(mode=0o700, exist_ok=True)
    keys.write_text(public_key)
    keys.chmod(0o600)
    for path in (keys.parent, keys):
        os.chown(path, owner.st_uid, owner.st_gid)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", root / "etc/ssh/ssh_host_ed25519_key"])


def boot(name: str, address: str, *, root: Path, bridge: str, unit: str, log: Path) -> Machine:
    """Start a node's container; `unit` is its name on this machine, at most 12 letters as links are named after it."""
    cgroups = make_cgroups(unit)
    command = [
        *("systemd-nspawn", "--register=no", "--keep-unit", "--quiet", "--boot", f"--directory={root}", f"--machine={unit}"),
        *(
            f"--hostname={name}",
            f"--network-bridge={bridge}",
            "--private-users=no",
            "--capability=all",
            "--link-journal=no",
        ),
        *("--system-call-filter=@keyring @mount bpf", "--bind=/dev/kmsg"),
    ]
    if Path("/dev/fuse").exists():
        command.append("--bind=/dev/fuse")
    legacy = {"UNIFIED_CGROUP_HIERARCHY": "0"} if cgroups else {}
    with log.open("ab") as output:
        child = subprocess.Popen(
            ["sh", "-c", _JOIN_AND_RUN, "sh", f"vb-{unit}", *map(str, cgroups), "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, **legacy, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1"},
        )
    return Machine(name, address, Process(name, child.pid, start_time(child.pid)), tuple(map(str, cgroups)))


def halt(machine: Machine, root: Path) -> None:
    """End a node and all in it at once, as a pulled plug does; raises MigratorError when something of it stays."""
    folders = [Path(folder) for folder in machine.cgroups]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (machine.alive or members(folders)) and time.monotonic() < deadline:
        for pid in {*members(folders), *([machine.process.pid] if machine.alive else [])}:
            _kill(pid)
        _reap(machine.process.pid)
        time.sleep(0.02)
    left = remove_cgroups(folders)
    if left:
        raise MigratorError(f"test node {machine.name}: {left[0]} is still in use", hint="run `migrator testbed nodes down` again")
    unmount(root)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
