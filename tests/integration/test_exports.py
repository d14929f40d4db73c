"""The command that a person gets for another NFS export copies everything: bind mounts stand for `mount -t nfs`, all else is real."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from migrator.rules.exports import by_hand
from tests.support import trees
from tests.support.objects import made
from tests.support.trees import described

# The kernel here may have no NFS client: an export is a folder below $EXPORTS.
_MOUNT = """#!/bin/sh
for last; do source=$folder; folder=$last; done
exec /bin/mount --bind "$EXPORTS${source#*:}" "$folder"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
def test_the_told_command_brings_all_of_an_export_and_leaves_no_mount(tmp_path: Path) -> None:
    """Twice, as it is told: what changed in between is brought, and what is gone goes."""
    sides = [made("v1", "PersistentVolume", name, spec={"nfs": {"server": "nas", "path": f"/{name} 1"}}) for name in ("a", "b")]
    told = by_hand(*sides)
    assert told is not None
    (command,) = re.findall(r"`([^`]+)`", told[1])
    programs, blue, green = (tmp_path / name for name in ("bin", "exports/a 1", "exports/b 1"))
    for folder in (programs, blue, green):
        folder.mkdir(parents=True)
    (programs / "mount").write_text(_MOUNT)
    (programs / "mount").chmod(0o755)
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "EXPORTS": f"{tmp_path}/exports"}
    private = f"/bin/mount -t tmpfs none /mnt && {command} && ! mountpoint -q /mnt/blue && ! mountpoint -q /mnt/green"
    trees.fill(blue)
    for attempt in ("first", "second"):
        (blue / "table").write_text(attempt)
        subprocess.run(["unshare", "--mount", "sh", "-ec", private], env=env, check=True)
        assert described(green) == described(blue)
        (blue / "table").unlink()
