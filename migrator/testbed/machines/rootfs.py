"""The root file system of a test node: Debian with pacman and sshd, dressed as a bare Arch Linux ARM host."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from migrator.adapters.commands import run
from migrator.errors import MigratorError
from migrator.provision.debian import PACKAGES, pacman_records
from migrator.testbed.machines.binfmt import runs_arm64

SUITE = "bookworm"
USER = "alarm"
"""The user that Arch Linux ARM's own images have."""
_PACKAGES = (*PACKAGES, "dbus", "openssh-server", "systemd", "systemd-sysv")

_MACHINE_PACKAGES = ("initramfs-tools", "python3", "udev", "zstd")
"""What a whole machine has beyond a container; Python is for trying a build host."""
_SETUP = """\
#!/bin/sh
# There is no udev in the container, so the address is set here; cgroup v1 hierarchies arrive read-only, and the memory
# one refuses a plain remount but takes a bind remount. An emulated machine has eth0, and cgroup v2.
. /etc/testbed
link=host0
test -e /sys/class/net/host0 || link=eth0
ip link set lo up
ip addr replace "$ADDRESS" dev "$link"
ip link set "$link" up
ip route replace default via "$GATEWAY"
if ! [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -o remount,rw /sys/fs/cgroup
  for controller in /sys/fs/cgroup/*/; do
    mount -o remount,bind,rw "$controller" || true
  done
fi
exit 0
"""
_SETUP_UNIT = """\
[Unit]
Description=Address and cgroups of a test node
Before=ssh.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/testbed-setup

[Install]
WantedBy=multi-user.target
"""
_RUNTIME = """\
#!/bin/sh
# Where the machine lacks CAP_SYS_RESOURCE and a hugetlb cgroup, runc can neither lower oom_score_adj, nor set hugepage
# limits, nor grant that capability: all three are dropped from the container's configuration.
bundle='' previous=''
for argument in "$@"; do
  case "$previous" in --bundle|-b) bundle=$argument ;; esac
  previous=$argument
done
if [ -n "$bundle" ]; then
  tr -d '\\n' < "$bundle/config.json" |
    sed -E 's/"oomScoreAdj": *-?[0-9]+/"oomScoreAdj":0/; s/"hugepageLimits": *\\[[^]]*\\]/"hugepageLimits":[]/;
      s/"CAP_SYS_RESOURCE" *, *//g; s/, *"CAP_SYS_RESOURCE"//g' > "$bundle/config.new"
  mv "$bundle/config.new" "$bundle/config.json"
fi
exec /usr/sbin/runc "$@"
"""
_CRIO = """\
# What this machine needs and a board does not: see `migrator testbed nodes status`.
[crio.runtime]
default_runtime = "testbed"
cgroup_manager = "cgroupfs"
conmon_cgroup = "pod"
[crio.runtime.runtimes.testbed]
runtime_path = "/usr/local/sbin/testbed-runtime"
runtime_type = "oci"
runtime_root = "/run/runc"
monitor_path = "/usr/bin/conmon"
"""
_SSHD = """\
PasswordAuthentication no
UsePAM no
UseDNS no
MaxStartups 100
MaxSessions 100
"""


def base_root(cache: Path, say: Callable[[str], None], *, emulated: str = "") -> Path:
    """Return the root file system that nodes are copied from, made once; raises MigratorError without debootstrap.

    `emulated` is Debian's name of the architecture of a whole machine, with a kernel of its own.
    """
    packages = (*_PACKAGES, *((*_MACHINE_PACKAGES, f"linux-image-cloud-{emulated}") if emulated else ()))
    # What it is made of stands in this file and in these records: a change makes a new one.
    content = " ".join((*packages, *pacman_records().values()))
    folder = cache / f"rootfs-{hashlib.sha256(Path(__file__).read_bytes() + content.encode()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    if os.geteuid() != 0:
        raise MigratorError("test nodes need root", hint="they are containers with systemd: run this as root")
    duration = "minutes under emulation" if emulated == "arm64" else "a minute"
    say(f"making the nodes' root file system from Debian {SUITE} ({duration}, once)")
    cache.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=cache, prefix=".partial-rootfs-"))
    try:
        partial.chmod(0o755)
        architecture = [f"--arch={emulated}"] if emulated else []
        with runs_arm64() if emulated == "arm64" else nullcontext():
            run(
                ["debootstrap", "--variant=minbase", *architecture, f"--include={','.join(packages)}", SUITE, partial, _mirror()],
                hint="`make nodes` installs debootstrap and what else test nodes need",
            )
            _dress(partial, container=not emulated)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _mirror() -> str:
    """Return the mirror that this machine's own apt uses."""
    lines = run(["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]).splitlines()
    for line in lines:
        release, component, uri = line.split(" ", 2)
        if component == "main" and release in (SUITE, "stable", "oldstable") and "security" not in uri:
            return uri
    raise MigratorError(f"apt on this machine knows no mirror of Debian {SUITE}", hint="test nodes are made on Debian machines")


def _dress(root: Path, *, container: bool) -> None:
    _write(root / "usr/local/sbin/testbed-setup", _SETUP, 0o755)
    _write(root / "etc/systemd/system/testbed-setup.service", _SETUP_UNIT)
    if container:
        _write(root / "usr/local/sbin/testbed-runtime", _RUNTIME, 0o755)
        _write(root / "etc/crio/crio.conf.d/90-testbed.conf", _CRIO)
    _write(root / "etc/ssh/sshd_config.d/testbed.conf", _SSHD)
    _write(root / f"etc/sudoers.d/{USER}", f"{USER} ALL=(ALL) NOPASSWD: ALL\n", 0o440)
    for path, text in pacman_records().items():
        _write(root / path.lstrip("/"), text)
    chroot: list[str | Path] = ["chroot", root]
    run([*chroot, "useradd", "--create-home", "--shell", "/bin/bash", "--password", "*", USER])
    run([*chroot, "systemctl", "enable", "-q", "testbed-setup.service", "ssh.service"])
    run(
        [
            *chroot,
            "systemctl",
            "mask",
            "-q",
            "systemd-networkd.service",
            "getty.target",
            "nftables.service",
        ]
    )
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (root / "etc/machine-id").write_text("")
    run([*chroot, "apt-get", "clean"])


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
