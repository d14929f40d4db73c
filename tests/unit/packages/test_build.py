"""Build one package: what makepkg is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

from migrator.packages.build import _CONFIG


def test_what_a_person_has_set_for_this_machine_is_not_in_a_package(tmp_path: Path) -> None:
    """A folder in memory holds no build of Kubernetes; flags of this processor end a program on another one (pikaur#394)."""
    own = tmp_path / "makepkg.conf"
    own.write_text(
        'CFLAGS="-march=native -O3"\nCXXFLAGS="$CFLAGS"\nLDFLAGS=-s\nBUILDDIR=/tmp/makepkg\nSRCDEST=/home/me/src\nexport GOAMD64=v3\n'
        "MAKEFLAGS=-j4\nPKGEXT=.pkg.tar.xz\n"
    )
    config = _CONFIG.format(architecture="aarch64", host="aarch64-linux-gnu").replace("/etc/makepkg.conf", str(own))
    asked = 'echo "$CFLAGS|$CXXFLAGS|$LDFLAGS|$BUILDDIR|$SRCDEST|$GOAMD64|$MAKEFLAGS|$PKGEXT|$CHOST"'
    told = subprocess.run(["bash", "-c", f"{config}\n{asked}"], capture_output=True, text=True, check=True).stdout.strip()
    assert told == "-O2 -pipe|-O2 -pipe|||||-j4|.pkg.tar.zst|aarch64-linux-gnu"
