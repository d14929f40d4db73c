"""A temporary SSH server on the host that data comes from: one key, one folder, reading only; it is there for one pass.

It is a unit of systemd that sees all file systems but /proc as read-only, ends by itself, and takes its files along.
"""

from __future__ import annotations

from dataclasses import dataclass

from migrator.errors import BlockedError
from migrator.ports import Host
from migrator.untrusted import for_shell
from migrator.volumes.agent.senders import tar_command
from migrator.volumes.bundle import put_agent

_RUN = "/run/migrator"
# Bound once to be found free; sshd takes a number, not a socket.
_FREE_PORT = (
    "import ipaddress, socket; s = socket.socket({4: socket.AF_INET, 6: socket.AF_INET6}[ipaddress.ip_address('%(at)s').version]); "
    "s.bind(('%(at)s', 0)); print(s.getsockname()[1])"
)
_ANSWERS = """
import socket, sys, time
ends = time.monotonic() + 10
while True:
    try:
        socket.create_connection(('{address}', {port}), 2).close()
        break
    except OSError:
        if time.monotonic() > ends:
            sys.exit(1)
        time.sleep(0.05)
"""
# Debian's bash reads ~/.bashrc for a command of sshd, and zsh its .zshenv: what they print would be taken for an answer.
_SETTINGS = """\
ListenAddress {address}
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
PermitRootLogin forced-commands-only
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM {pam}
AllowTcpForwarding no
AllowAgentForwarding no
X11Forwarding no
PermitTunnel no
PermitTTY no
PermitUserRC no
SetEnv HOME={folder}
PrintMotd no
AuthenticationMethods publickey
MaxSessions 20
ClientAliveInterval 15
ClientAliveCountMax 8
LogLevel ERROR
"""


@dataclass(slots=True, frozen=True)
class Serving:
    """A server that runs."""

    port: int
    host_key: str
    """Its public key, type and base64."""


@dataclass(slots=True, frozen=True)
class Server:
    """The server of one volume."""

    name: str
    """Part of its unit's and folder's name: letters, digits, `-`."""
    pod: str = ""
    """UID of the pod of this tool that holds the folder mounted."""

    @property
    def unit(self) -> str:
        """Name of the unit."""
        return f"migrator-data-{self.name}-source"

    @property
    def folder(self) -> str:
        """Where its files lie, in memory."""
        return f"{_RUN}/{self.unit}"

    def start(
        self,
        host: Host,
        root: str,
        *,
        public_key: str,
        address: str,
        client: str,
        port: int,
        seconds: int,
        memory: str = "",
    ) -> Serving:
        """Start it, after ending one that an earlier run left; raises BlockedError where a program is missing.

        `memory` is where passes in the other direction keep their lists on this host.
        """
        require_programs(host, "sshd")
        prepared = host.run(self._prepare_command(address, port)).splitlines()
        port, pam, host_key = int(prepared[0]), prepared[1], " ".join(prepared[2].split()[:2])
        settings = _SETTINGS.format(address=address, port=port, folder=self.folder, pam=pam)
        # A stream needs no Python, which takes a small board a second to start; all else is taken apart by the agent.
        stream = " ".join(for_shell(word) for word in tar_command(root))
        more = " ".join(map(for_shell, (memory, self.pod) if self.pod else (memory,) if memory else ()))
        answers = f"python3 -IS {put_agent(host)} serve {for_shell(root)} {more}".rstrip()
        command = f'test "$SSH_ORIGINAL_COMMAND" = tar && exec {stream}; exec {answers}'
        # `restrict` turns off all that a later OpenSSH may add, too (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
        options = f'restrict,from="{client}",command="{_quoted(command)}"'
        host.write(f"{self.folder}/sshd_config", settings.encode(), mode=0o600)
        host.write(f"{self.folder}/authorized_keys", f"{options} {public_key}\n".encode(), mode=0o600)
        host.run(self._unit_command(seconds))
        self._await_port(host, address, port)
        return Serving(port, host_key)

    def stop(self, host: Host) -> None:
        """End it, and remove what it has left; it need not be there."""
        host.run(self._stop_command())

    def _stop_command(self) -> str:
        return f"systemctl stop {self.unit} 2>/dev/null; systemctl reset-failed {self.unit} 2>/dev/null; rm -rf {self.folder}"

    def _prepare_command(self, address: str, port: int) -> str:
        """Return what ends an earlier server, makes a key, and prints a port, whether there is PAM, and the public key.

        It is one command, since each one takes its time on a busy board while a workload stands still.
        """
        key = f"{self.folder}/host_key"
        free = f"echo {port}" if port else free_port(address)
        return (
            f"{self._stop_command()}; set -e; {free}; if test -e /etc/pam.d/sshd; then echo yes; else echo no; fi; umask 077; "
            f"mkdir -p {self.folder}; ssh-keygen -q -t ed25519 -N '' -C '' -f {key}; cat {key}.pub"
        )

    def _unit_command(self, seconds: int) -> str:
        properties = (
            f"RuntimeMaxSec={seconds}",
            "ReadOnlyPaths=/",
            # pam_loginuid writes its process's loginuid, and where it is required (Debian) nobody logs in without.
            "ReadWritePaths=/proc",
            f"ExecStopPost=+/usr/bin/rm -rf {self.folder}",
            "CollectMode=inactive-or-failed",
            # Nothing in it needs an orderly end, and the end of a pass, for which a workload stands still, waits for it.
            "KillSignal=SIGKILL",
            "TimeoutStopSec=1",
        )
        options = " ".join(for_shell(f"--property={text}") for text in properties)
        program = f'exec "$(PATH=$PATH:/usr/sbin:/sbin command -v sshd)" -D -e -f {self.folder}/sshd_config'
        # sshd wants this folder for what it does without rights, and a distribution makes it with its own unit.
        return f"mkdir -p /run/sshd; systemd-run --quiet --unit={self.unit} {options} sh -c {for_shell(program)}"

    def _await_port(self, host: Host, address: str, port: int) -> None:
        if host.ok(f"python3 -c {for_shell(_ANSWERS.format(address=address, port=port))}"):
            return
        raise BlockedError(
            f"{host.name}: the temporary SSH server does not answer at {address}, port {port}",
            hint=f"`journalctl -u {self.unit}` on the host tells why; volumes.port chooses a port",
        )


def free_port(address: str) -> str:
    """Return the line of shell that prints a free port at an address of a host."""
    return f"python3 -c {for_shell(_FREE_PORT % {'at': address})}"


def require_programs(host: Host, *names: str) -> None:
    """Raise BlockedError that names the programs a host does not have."""
    wanted = ("python3", "rsync", "tar", "ssh", "ssh-keygen", *names)
    missing = host.run(
        f"for name in {' '.join(wanted)}; do PATH=$PATH:/usr/sbin:/sbin command -v $name > /dev/null || echo $name; done; "
        "python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || echo 'python3 (3.11 or newer)'"
    ).split("\n")
    found = [name for name in missing if name]
    if found:
        raise BlockedError(f"{host.name} has no {', '.join(found)}", hint="install it there, and run this again")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
