"""Who runs this process, as other runs read it in a lock."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path


def this_process() -> str:
    """Return `user@host/pid`."""
    user = os.environ.get("USER") or str(os.getuid())
    return f"{user}@{socket.gethostname()}/{os.getpid()}"


def process_mark(pid: int = 0) -> str:
    """Return what tells a process (0: this one) from all others of any machine: boot, PID namespace, PID.

    Empty where the system does not say; host names and PIDs repeat in containers.
    """
    return f"{_namespace()}/{pid or os.getpid()}" if _namespace() else ""


def has_ended(mark: str) -> bool:
    """Return whether a process is known to have ended: it was one of this boot and this PID namespace, and is gone."""
    namespace, _, pid = mark.rpartition("/")
    if not namespace or namespace != _namespace() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    with contextlib.suppress(OSError, IndexError):
        # A process that nobody has waited for yet (proc_pid_stat(5): the state behind the name).
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    return False


def _namespace() -> str:
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
