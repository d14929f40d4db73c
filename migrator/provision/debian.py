"""Debian as a host of our packages: where no image of Arch Linux is to be had, in clouds and in the testbed."""

from __future__ import annotations

PACKAGES = (
    *("ca-certificates", "conmon", "conntrack", "curl", "ethtool", "iproute2", "ipset", "iptables", "kmod", "libseccomp2"),
    *("nftables", "pacman-package-manager", "procps", "runc", "socat", "sudo", "util-linux", "zstd"),
)
"""What Debian calls the packages that ours depend on, and pacman itself."""
# What Arch Linux calls them.
_PROVIDED = (
    *("bash", "conmon", "conntrack-tools", "ethtool", "glibc", "iproute2", "iptables", "kmod", "libseccomp", "runc"),
    *("socat", "systemd", "util-linux", "zstd"),
)


def pacman_records() -> dict[str, str]:
    """Return files, by path, that tell pacman what Debian has brought."""
    provided = "\n".join(_PROVIDED)
    return {
        "/var/lib/pacman/local/debian-1-1/desc": (
            "%NAME%\ndebian\n\n%VERSION%\n1-1\n\n%DESC%\nWhat Debian brings\n\n%ARCH%\nany\n\n" + f"%PROVIDES%\n{provided}\n\n"
        ),
        "/var/lib/pacman/local/debian-1-1/files": "%FILES%\n\n",
        "/var/lib/pacman/local/ALPM_DB_VERSION": "9\n",
    }
