"""Files without a name, and a folder for sockets: where disks are full a way back needs them, and what is secret lies on none."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

from migrator.errors import HostError

# In bytes. Of 103 (macOS, unix(4)) ssh takes 41 for the name of a socket and 17 for one beside it, and mkdtemp 18.
_LONGEST_PARENT = 103 - 41 - 17 - 18
_PARENTS = ("/tmp", "/dev/shm", "/var/tmp")  # noqa: S108 - what is made there is the user's alone


def memory_file() -> IO[bytes]:
    """Return an empty file in memory; where the system has none, one on the disk that no name leads to."""
    # A sandbox may have the name of the call, and not the call (memfd_create(2), ENOSYS).
    with contextlib.suppress(AttributeError, OSError):
        return os.fdopen(os.memfd_create("migrator"), "w+b")
    return tempfile.TemporaryFile()


def socket_parent() -> Path:
    """Make a folder for the sockets of ssh, which is removed when the process ends; raises HostError.

    ssh ends where its path is longer than that of a socket may be (ansible/ansible#11536); macOS has such a TMPDIR.
    """
    named = filter(None, map(os.environ.get, ("TMPDIR", "XDG_RUNTIME_DIR")))
    for parent in (*map(os.path.abspath, named), *_PARENTS):
        if len(os.fsencode(parent)) <= _LONGEST_PARENT:
            # By its name: tempfile would write into each folder first, which a full disk does not allow.
            with contextlib.suppress(OSError):
                folder = Path(tempfile.mkdtemp(prefix="migrator-", dir=parent))
                atexit.register(shutil.rmtree, folder, ignore_errors=True)
                return folder
    raise HostError(
        "no folder for the sockets of SSH can be made", hint="free space in /tmp, or let TMPDIR name a folder with a short path"
    )
