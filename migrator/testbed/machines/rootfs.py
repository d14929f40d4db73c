"""The root file system of a test node: Debian with pacman and sshd, dressed as a bare Arch Linux ARM host."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from migrator.adapters.commands import run
from migrator.errors import MigratorError
from migrator.provision.debian import PACKAGES, pacman_records
from migrator.testbed.artefacts import fingerprint, only_one, without_comments
from migrator.testbed.machines.binfmt import runs_arm64

SUITE = "bookworm"
# An emulated ARM machine takes that long for its packages.
_INSTALL_SECONDS = 2 * 3600.0
USER = "alarm"
"""The user that Arch Linux ARM's own images have."""
_PACKAGES = (*PACKAGES, "dbus", "openssh-server", "systemd", "systemd-sysv")

# What a whole machine has beyond a container; Python is for trying a build host.
_MACHINE_PACKAGES = ("initramfs-tools", "python3", "udev", "zstd")
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

_COMMANDS = (
    ("useradd", "--create-home", "--shell", "/bin/bash", "--password", "*", USER),
    ("systemctl", "enable", "-q", "testbed-setup.service", "ssh.service"),
    ("systemctl", "mask", "-q", "systemd-networkd.service", "getty.target", "nftables.service"),
    ("apt-get", "clean"),
)


@dataclass(slots=True, frozen=True)
class Recipe:
    """What a root file system is made of: all that decides its content, and so its name in the cache."""

    architecture: str
    """Debian's name of it; empty: this machine's own."""
    packages: tuple[str, ...]
    files: tuple[tuple[str, str, int], ...]
    """Path, text and mode."""
    commands: tuple[tuple[str, ...], ...]
    """Run inside, in this order."""

    @property
    def fingerprint(self) -> str:
        """Return what tells two recipes apart; comments in files do not."""
        files = [(path, without_comments(text), mode) for path, text, mode in self.files]
        return fingerprint(SUITE, self.architecture, sorted(self.packages), files, self.commands)


def base_recipe(emulated: str = "", *, more: tuple[str, ...] = ()) -> Recipe:
    """Return the recipe of a container's root file system, or of a whole machine of Debian's architecture `emulated`.

    `more` are packages of Debian that a node does not need.
    """
    packages = (*_PACKAGES, *more, *((*_MACHINE_PACKAGES, f"linux-image-cloud-{emulated}") if emulated else ()))
    container = (
        ("usr/local/sbin/testbed-runtime", _RUNTIME, 0o755),
        ("etc/crio/crio.conf.d/90-testbed.conf", _CRIO, 0o644),
    )
    files = (
        ("usr/local/sbin/testbed-setup", _SETUP, 0o755),
        ("etc/systemd/system/testbed-setup.service", _SETUP_UNIT, 0o644),
        *(() if emulated else container),
        ("etc/ssh/sshd_config.d/testbed.conf", _SSHD, 0o644),
        (f"etc/sudoers.d/{USER}", f"{USER} ALL=(ALL) NOPASSWD: ALL\n", 0o440),
        *((path.lstrip("/"), text, 0o644) for path, text in pacman_records().items()),
        ("etc/machine-id", "", 0o644),
    )
    return Recipe(emulated, packages, files, _COMMANDS)


def base_root(cache: Path, say: Callable[[str], None], *, emulated: str = "", more: tuple[str, ...] = ()) -> Path:
    """Return the root file system that nodes are copied from, made once; raises MigratorError without debootstrap.

    `emulated` is Debian's name of the architecture of a whole machine, with a kernel of its own.
    """
    duration = "minutes under emulation" if emulated == "arm64" else "a minute"
    return made_root(
        base_recipe(emulated, more=more), cache, say, f"the nodes' root file system from Debian {SUITE} ({duration}, once)"
    )


def made_root(recipe: Recipe, cache: Path, say: Callable[[str], None], what: str) -> Path:
    """Return the folder of a root file system, made once; raises MigratorError without root or debootstrap."""
    folder = cache / f"rootfs-{recipe.fingerprint}"
    if folder.is_dir():
        return folder
    if os.geteuid() != 0:
        raise MigratorError("test nodes need root", hint="they are containers with systemd: run this as root")
    with only_one(folder, say):
        if not folder.is_dir():
            say(f"making {what}")
            _make(recipe, folder)
    return folder


def _make(recipe: Recipe, folder: Path) -> None:
    partial = folder.with_name(f".partial-{folder.name}")
    # What a killed run has left.
    remove_root(partial)
    partial.mkdir()
    try:
        architecture = [f"--arch={recipe.architecture}"] if recipe.architecture else []
        include = [f"--include={','.join(recipe.packages)}"] if recipe.packages else []
        with runs_arm64() if recipe.architecture == "arm64" else nullcontext():
            run(
                ["debootstrap", "--variant=minbase", *architecture, *include, SUITE, partial, _mirror()],
                hint="`make nodes` installs debootstrap and what else test nodes need",
                timeout=_INSTALL_SECONDS,
            )
            for path, text, mode in recipe.files:
                _write(partial / path, text, mode)
            for command in recipe.commands:
                run(["chroot", partial, *command], timeout=_INSTALL_SECONDS)
        for key in (partial / "etc/ssh").glob("ssh_host_*"):
            key.unlink()
        partial.rename(folder)
    finally:
        remove_root(partial)


def _mirror() -> str:
    """Return the mirror that this machine's own apt uses."""
    lines = run(["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]).splitlines()
    for line in lines:
        release, component, uri = line.split(" ", 2)
        if component == "main" and release in (SUITE, "stable", "oldstable") and "security" not in uri:
            return uri
    raise MigratorError(f"apt on this machine knows no mirror of Debian {SUITE}", hint="test nodes are made on Debian machines")


def unmount(root: Path) -> None:
    """Unmount what is mounted below a folder of this machine."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    for target in sorted((line.split()[1] for line in lines), reverse=True):
        if target.startswith(f"{root}/"):
            run(["umount", "--lazy", target])


def remove_root(root: Path) -> None:
    """Delete a node's files; nothing happens when there are none."""
    unmount(root)
    shutil.rmtree(root, ignore_errors=True)
    if root.exists():
        # Some folders carry the immutable mark that systemd sets on /var/empty or container storage.
        run(["chattr", "-R", "-f", "-i", root])
        shutil.rmtree(root)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
