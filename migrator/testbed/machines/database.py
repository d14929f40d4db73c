"""PostgreSQL as an image: Debian's package in a root file system of its own, and what its own image does at a start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from migrator.testbed.machines.rootfs import Recipe, made_root

VERSION = "15"
"""The one of the Debian that nodes are made from."""
_NEEDLESS = "/usr/share/doc /usr/share/man /usr/share/locale /var/lib/apt/lists /usr/lib/postgresql/*/lib/bitcode"


def root_recipe() -> Recipe:
    """Return the recipe of its root file system: a Debian without systemd."""
    files = (
        ("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755),
        ("etc/postgresql-common/createcluster.conf", "create_main_cluster = false\n", 0o644),
    )
    commands = (
        ("apt-get", "-q", "update"),
        (
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-q",
            "-y",
            "install",
            "--no-install-recommends",
            f"postgresql-{VERSION}",
        ),
        ("apt-get", "clean"),
        # Compiled queries need the whole of LLVM, and PostgreSQL does without them.
        ("sh", "-c", f"rm -rf {_NEEDLESS} /usr/lib/postgresql/*/lib/llvmjit.so /usr/lib/*/libLLVM-*"),
    )
    return Recipe("", (), files, commands)


def database_root(cache: Path, say: Callable[[str], None]) -> Path:
    """Return the folder that the image is made from, made once."""
    return made_root(root_recipe(), cache, say, f"the file system of PostgreSQL {VERSION} (a minute, once)")
