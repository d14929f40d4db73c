"""Let this machine's kernel run programs of another architecture through qemu-user, for as long as a root file system is made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migrator.adapters.commands import run
from migrator.errors import MigratorError
from migrator.testbed.artefacts import only_one

_FOLDER = Path("/proc/sys/fs/binfmt_misc")
# Whoever holds it keeps the registration; another one waits, as the first takes it back at the end.
_HELD = Path("/run/lock/migrator-binfmt")
# How a 64-bit ARM program begins, and which of these bytes count (Documentation/admin-guide/binfmt-misc.rst).
_AARCH64 = (
    r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00",
    r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff",
)


@contextmanager
def runs_arm64() -> Iterator[None]:
    """Register qemu-aarch64 and take it back at the end; what somebody else has registered is left alone."""
    emulator = shutil.which("qemu-aarch64-static")
    if not emulator:
        raise MigratorError("qemu-aarch64-static is not installed", hint="`make nodes` installs it")
    if not (_FOLDER / "register").exists():
        run(["mount", "-t", "binfmt_misc", "binfmt_misc", _FOLDER])
    if (_FOLDER / "qemu-aarch64").exists():
        yield
        return
    entry = _FOLDER / "migrator-aarch64"
    with only_one(_HELD, lambda _: None):
        # What a killed process has left.
        if entry.exists():
            entry.write_text("-1")
        magic, mask = _AARCH64
        # F: the emulator is opened now, so that it needs not lie in the other root.
        (_FOLDER / "register").write_text(f":{entry.name}:M::{magic}:{mask}:{emulator}:F")
        try:
            yield
        finally:
            entry.write_text("-1")
