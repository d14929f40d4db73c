"""Who runs this process, as other runs read it in a lock."""

from __future__ import annotations

import os
import socket


def this_process() -> str:
    """Return `user@host/pid`."""
    user = os.environ.get("USER") or str(os.getuid())
    return f"{user}@{socket.gethostname()}/{os.getpid()}"
