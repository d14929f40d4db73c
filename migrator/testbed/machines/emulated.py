"""Boot one test node as a whole emulated machine: its own kernel, cgroup v2, and an architecture of its choice. Slow."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from migrator.adapters.commands import run
from migrator.errors import CommandFailedError, MigratorError
from migrator.testbed.machines.machine import Machine
from migrator.testbed.processes import start

DISK = "12G"
# Debian's name of an architecture to its emulator, and where its kernel writes.
_MACHINES = {
    "arm64": ("qemu-system-aarch64", ["-machine", "virt", "-cpu", "max,pauth-impdef=on"], "ttyAMA0"),
    "amd64": ("qemu-system-x86_64", ["-machine", "q35", "-cpu", "max"], "ttyS0"),
}


def make_disk(root: Path, disk: Path) -> None:
    """Make a machine's disk from a root file system."""
    partial = disk.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    run(["truncate", "-s", DISK, partial])
    # Without a journal, and with inode tables written later: the disk is thrown away with the machine.
    run(["mkfs.ext4", "-q", "-O", "^has_journal", "-E", "lazy_itable_init=1", "-d", root, partial], timeout=3600.0)
    partial.rename(disk)


def boot_emulated(name: str, address: str, *, root: Path, bridge: str, unit: str, architecture: str, memory: int) -> Machine:
    """Start a node's machine of two CPUs on a bridge; `memory` in MiB. Raises MigratorError without the emulator."""
    program, machine, console = _MACHINES[architecture]
    if not shutil.which(program):
        raise MigratorError(f"{program} is not installed", hint="`make emulator` installs it")
    disk = root.parent / "disk"
    if not disk.exists():
        make_disk(root, disk)
    link = f"vb-{unit}"
    make_link(link, bridge)
    kernel, initrd = (max((root / "boot").glob(f"{kind}-*")) for kind in ("vmlinuz", "initrd.img"))
    digest = hashlib.sha256(unit.encode()).hexdigest()
    mac = ":".join(("52", "54", "00", digest[0:2], digest[2:4], digest[4:6]))
    command: list[str | Path] = [
        *(program, *machine, "-accel", "tcg,thread=multi", "-smp", "2", "-m", str(memory)),
        *("-nographic", "-no-reboot", "-kernel", kernel, "-initrd", initrd),
        *("-append", f"root=/dev/vda rw console={console} net.ifnames=0 systemd.unified_cgroup_hierarchy=1"),
        *("-drive", f"if=none,file={disk},format=raw,id=disk,cache=unsafe", "-device", "virtio-blk-pci,drive=disk"),
        *("-netdev", f"tap,id=net,ifname={link},script=no,downscript=no", "-device", f"virtio-net-pci,netdev=net,mac={mac}"),
        *("-device", "virtio-rng-pci"),
    ]
    return Machine(name, address, start(name, command, root.parent / "console.log"), ())


def make_link(link: str, bridge: str) -> None:
    """Make the machine's end of a cable on the bridge; one of a machine that is gone is made anew."""
    remove_link(link)
    run(["ip", "tuntap", "add", "dev", link, "mode", "tap"])
    run(["ip", "link", "set", link, "master", bridge, "up"])


def remove_link(link: str) -> None:
    """Take the cable away; one that is gone already is no error."""
    try:
        run(["ip", "link", "delete", link])
    except CommandFailedError:
        if Path(f"/sys/class/net/{link}").exists():
            raise
