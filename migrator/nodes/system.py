"""The operating system: swap, kernel modules and settings, names of the other nodes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from migrator.ports import Host

_MODULES = "/etc/modules-load.d/migrator.conf"
SYSCTL_FILE = "/etc/sysctl.d/60-migrator.conf"


SWAP_UNITS = (
    "{ systemctl list-units --all --plain --no-legend --type=swap 2>/dev/null | awk '$2 == \"loaded\" {print $1}'; "
    "systemctl list-unit-files --no-legend --state=enabled,enabled-runtime '*swap*.service' '*zram*.service' 2>/dev/null "
    "| awk '{print $1}'; } | sort -u"
)
"""Lists what turns swap on at boot: units of zram-generator, of GPT partitions and of a person's own, and images' services."""


RESTART_CRIO = """
mkdir -p /run/systemd/system/crio.service.d
printf '[Service]\\nKillMode=process\\n' > /run/systemd/system/crio.service.d/60-migrator.conf
systemctl daemon-reload
systemctl try-restart crio"""
"""Restarts CRI-O alone, if it runs: else it is started by an action of its own.

By itself systemd ends what it finds in its cgroup: all containers, where cgroups are not systemd's (cri-o#2745), and where they are
those that are about to start (cri-o#10343).
"""


@dataclass(slots=True, frozen=True)
class SwapOff:
    """Turn swap off, now and at boot, unless the kubelet is told to live with it (`failSwapOn: false`)."""

    name: str = "swap off"

    def done(self, host: Host) -> bool:
        """Return whether no swap is in use, and none will be after a boot."""
        return host.ok(
            # The first line of /proc/swaps is a heading.
            "test $(wc -l < /proc/swaps) -le 1 && ! grep -Eqs '^[^#].*[[:space:]]swap[[:space:]]' /etc/fstab "
            f'&& test -z "$({SWAP_UNITS})"'
        )

    def run(self, host: Host) -> None:
        """Turn it off, and mask what brings it back; lines of /etc/fstab stay as comments."""
        host.run(
            "sed -i.migrator -E '/^[^#].*[[:space:]]swap[[:space:]]/s/^/# migrator: /' /etc/fstab 2>/dev/null; "
            # systemd makes a unit of each swap line of fstab: without the reload it would turn that swap on again.
            "systemctl daemon-reload; swapoff -a; "
            f"for unit in $({SWAP_UNITS}); do systemctl mask -q --now $unit; done; swapoff -a; true"
        )


@dataclass(slots=True, frozen=True)
class Kernel:
    """Load the modules and set the sysctls that pods need, now and at boot."""

    modules: tuple[str, ...]
    sysctls: tuple[tuple[str, str], ...]
    name: str = "kernel modules and settings"

    def done(self, host: Host) -> bool:
        """Return whether all are in force; built-in modules count."""
        present = " && ".join(f"{{ test -d /sys/module/{module} || {_SIGNS.get(module, 'false')}; }}" for module in self.modules)
        set_to = " && ".join(f"grep -qx {value} /proc/sys/{key.replace('.', '/')}" for key, value in self.sysctls)
        # The file alone proves nothing: another file in sysctl.d may set another value after it.
        return host.ok(f"test -e {SYSCTL_FILE} && {present} && {set_to}")

    def run(self, host: Host) -> None:
        """Load and set them."""
        host.write(_MODULES, "".join(f"{module}\n" for module in self.modules).encode())
        host.run("; ".join(f"modprobe {module} 2>/dev/null || true" for module in self.modules))
        host.write(SYSCTL_FILE, "".join(f"{key} = {value}\n" for key, value in self.sysctls).encode())
        # After the modules: keys below net.bridge are there once br_netfilter is loaded.
        host.run(f"sysctl -q -p {SYSCTL_FILE}")


# How a kernel shows that it has a feature when nothing tells whether as a module.
_SIGNS = {"overlay": "grep -qw overlay /proc/filesystems", "br_netfilter": "test -d /proc/sys/net/bridge"}


@dataclass(slots=True, frozen=True)
class Service:
    """Have a systemd unit enabled and running."""

    unit: str

    @property
    def name(self) -> str:
        """What a person reads."""
        return f"service {self.unit}"

    def done(self, host: Host) -> bool:
        """Return whether it runs and will after a boot."""
        return host.ok(f"systemctl is-active -q {self.unit} && systemctl is-enabled -q {self.unit}")

    def run(self, host: Host) -> None:
        """Enable and start it."""
        told = f"{{ journalctl -u {self.unit} -n 3 --no-pager -o cat >&2; exit 1; }}"
        host.run(f"systemctl daemon-reload && systemctl enable -q --now {self.unit} || {told}")


@dataclass(slots=True, frozen=True)
class File:
    """Have a file with this content, and do what it asks for when it changes."""

    path: str
    content: str
    then: str = ""
    """A line of shell."""
    mode: int = 0o644

    @property
    def name(self) -> str:
        """What a person reads."""
        return self.path

    def done(self, host: Host) -> bool:
        """Return whether the file is the same, byte for byte."""
        digest = hashlib.sha256(self.content.encode()).hexdigest()
        return host.ok(f"echo '{digest}  {self.path}' | sha256sum --check --status")

    def run(self, host: Host) -> None:
        """Write it."""
        host.write(self.path, self.content.encode(), mode=self.mode)
        if self.then:
            host.run(self.then)
