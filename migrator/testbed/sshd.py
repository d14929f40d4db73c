"""An SSH server on loopback for the user of the tests, with keys of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from migrator.errors import MigratorError
from migrator.testbed.processes import Process, free_ports, is_free, start, stop
from migrator.testbed.waiting import wait

# The last line keeps bash from reading this machine's ~/.bashrc, which may take a second, before each command.
_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
SetEnv SHLVL=1
"""


@dataclass(slots=True)
class SshServer:
    """A running server."""

    folder: Path
    port: int
    process: Process

    @property
    def access(self) -> dict[str, object]:
        """How `migration.yaml` says it."""
        return {
            "address": "127.0.0.1",
            "user": getpass.getuser(),
            "port": self.port,
            "key": str(self.folder / "user"),
            "knownHosts": str(self.folder / "known"),
        }

    def stop(self) -> None:
        """End it, with the connections that it has."""
        children = [pid for pid in map(int, _processes()) if _descends(pid, self.process.pid)]
        stop([self.process])
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _processes() -> list[str]:
    return [path.name for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _descends(pid: int, ancestor: int) -> bool:
    """Return whether a process was started by another, or by one that it started."""
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
        if pid == ancestor:
            return True
    return False


@contextmanager
def ssh_server(folder: Path, *, inside: str = "") -> Iterator[SshServer]:
    """Run one; `inside` are words before each command, such as those that enter a network namespace."""
    folder.mkdir()
    folder.chmod(0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (port,) = free_ports(1)
    forced = f'ForceCommand {inside} sh -c "$SSH_ORIGINAL_COMMAND"\n' if inside else ""
    (folder / "config").write_text(_CONFIG.format(port=port, folder=folder) + forced)
    key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known").write_text(f"[127.0.0.1]:{port} {key}\n")
    Path("/run/sshd").mkdir(exist_ok=True)  # its folder for the part without privileges
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    process = start("sshd", [program, "-D", "-e", "-f", folder / "config"], folder / "log")
    try:
        wait(lambda: not is_free(port), lambda: MigratorError(f"sshd did not start: {folder / 'log'}"))
        yield SshServer(folder, port, process)
    finally:
        stop([process])
