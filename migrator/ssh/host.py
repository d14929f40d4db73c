"""The `Host` port over OpenSSH's client, one multiplexed connection a host."""

from __future__ import annotations

import functools
import re
import secrets
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from migrator.adapters.temporary import socket_parent
from migrator.config.login import Login
from migrator.errors import CommandFailedError, HostError
from migrator.ssh import bounded, refusals
from migrator.ssh.bounded import LONGEST_ANSWER, LONGEST_FILE, TooLongError

if TYPE_CHECKING:
    from migrator.ports import Clock

CONNECT_SECONDS = 10
# For a file in either direction: a snapshot of etcd is large, and a line may be slow.
_FILE_SECONDS = 600.0
_TO_QUOTE = re.compile(r"[^\w@%+=:,./-]|^$", re.ASCII)
_PLAIN_VALUE = re.compile(r"[^\s\"'\\#]*")
SYSTEM_PATH = 'export PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin"'
"""Folders that root has and a login may lack: sudo keeps the user's where no secure_path is set, and not all of these are whole."""
LOST = 255
"""What ssh itself ends with when the connection, and not the command, failed."""


class Answer(NamedTuple):
    """What came of a command."""

    code: int
    """`LOST` where ssh itself failed."""
    output: bytes
    errors: bytes
    begun: bool = True
    """Whether the login got as far as the command; what a login without it says is no answer, whatever it ends with."""


class SshHost:
    """Runs commands on a host as root: as that user, or through sudo without a password."""

    def __init__(self, name: str, login: Login, sockets: Path, *, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self._login = login
        self._sockets = sockets
        sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ssh = ["ssh", *_options(login, sockets), f"{login.user}@{login.address}"]
        # `-n`: a prompt for a password would wait for ever behind captured output.
        self._root = [] if login.user == "root" else ["sudo", "-n", "--"]
        # Random: no file of a login shell, and no command for another user, can print it by chance.
        self._mark = f"begun-{secrets.token_hex(8)}\n"

    @property
    def login(self) -> tuple[str, ...]:
        """The command that logs in, for a session of another kind."""
        return tuple(self._ssh)

    def run(self, command: str, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
        """Run a line of shell as root and return its output; what is secret goes through `stdin`, never into the line.

        Raises CommandFailedError when it fails, HostError when the host is not reached or the time is over.
        """
        return self._bytes(command, stdin, timeout, LONGEST_ANSWER).decode(errors="replace")

    def _bytes(self, command: str, stdin: bytes, timeout: float, longest: int) -> bytes:
        try:
            done = self._ask(command, stdin, timeout, longest)
        except TooLongError as error:
            raise HostError(
                f"{self.name}: `{_short(command)}` prints more than {longest >> 20} MiB",
                hint="log in and see what it prints; run this again to continue",
            ) from error
        except TimeoutError as error:
            raise HostError(
                f"{self.name}: `{_short(command)}` is not done after {timeout:.0f} s",
                hint="log in and see what it waits for; run this again to continue",
            ) from error
        output, complaint = done.output.decode(errors="replace"), done.errors.decode(errors="replace")
        # Below 0: ssh was killed here.
        if done.code == LOST or (done.code < 0 and not done.begun):
            raise self._lost(complaint)
        if not done.begun:
            raise refusals.of_login(self.name, self._login, f"{complaint}\n{output}")
        if done.code:
            raise CommandFailedError(f"{self.name}: {_short(command)}", done.code, complaint or output)
        return done.output

    def _ask(self, command: str, stdin: bytes, timeout: float, longest: int) -> Answer:
        """Run a line of shell as root; raises TimeoutError, and TooLongError."""
        mark = self._mark.strip()
        line = login_line([*self._root, "sh", "-c", f"{SYSTEM_PATH}; echo {mark}; echo {mark} >&2; {command}"])
        try:
            # ssh joins its words with spaces for the remote shell, so they are quoted here.
            ends = self.clock.monotonic() + timeout
            done = bounded.run([*self._ssh, line], stdin, ends=ends, clock=self.clock, longest=longest)
        except TimeoutError:  # an OSError, too
            raise
        except OSError as error:
            raise refusals.not_started(self.name, error) from error
        # Start-up files of login shells print, too (fish and zsh read some for every command).
        output, errors = (after_mark(text, self._mark.encode()) for text in (done.stdout, done.stderr))
        if output is None or errors is None:
            return Answer(done.returncode, done.stdout, done.stderr, begun=False)
        return Answer(done.returncode, output, errors)

    def _lost(self, complaint: str) -> HostError:
        return refusals.of_connection(self.name, self._login, complaint)

    def ok(self, command: str, *, timeout: float = 60.0) -> bool:
        """Return whether a line of shell ends well."""
        try:
            self.run(command, timeout=timeout)
        except CommandFailedError:
            return False
        return True

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        return self._bytes(f"cat {shlex.quote(path)}", b"", _FILE_SECONDS, LONGEST_FILE)

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Put a file in place at once, with its folders, and on the disk: a mark says what is under way before it is."""
        target = shlex.quote(path)
        self.run(
            # The mode is set before the content gets its name: a key must not be readable by others for a moment.
            f'set -e; umask 077; mkdir -p -m 755 "$(dirname {target})"; cat > {target}.new; chmod {mode:o} {target}.new; '
            # A line that was cut ends the text early, as any end does.
            f'test "$(wc -c < {target}.new)" -eq {len(content)} || {{ echo "its content did not come whole" >&2; exit 1; }}; '
            # Else a power cut in the half minute after it may leave an empty file (ext4(5), auto_da_alloc), or none.
            f'sync {target}.new; mv {target}.new {target}; sync "$(dirname {target})"',
            stdin=content,
            timeout=_FILE_SECONDS,
        )


def _options(login: Login, sockets: Path) -> list[str]:
    options = {
        # No prompt: one for a password or a new key would wait for ever behind captured output.
        "BatchMode": "yes",
        # Not `accept-new`: commands run as root and secrets are sent, so a person has to have seen the key.
        "StrictHostKeyChecking": "yes",
        "ConnectTimeout": str(CONNECT_SECONDS),
        # With the count below: 15 s. By TCP alone a host that lost its power may be noticed after hours (ssh_config(5)).
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
        "ControlMaster": "auto",
        # %C is a hash: the path of a unix socket has 108 bytes at most (unix(7)), and a host's name may be long.
        "ControlPath": _as_value(f"{sockets}/", "%C"),
        "ControlPersist": "30",
        "LogLevel": "ERROR",
        # What a person's ssh_config has for terminals (vscode-remote-release#481): no command of ours would run, or get its input.
        "RequestTTY": "no",
        "RemoteCommand": "none",
        # Ports that the person's own session has already.
        "ClearAllForwardings": "yes",
        **newer_options(),
    }
    if login.known_hosts:
        options["UserKnownHostsFile"] = _as_value(str(Path(login.known_hosts).expanduser()))
    # IdentitiesOnly: an agent with many keys is refused before the right one is tried (MaxAuthTries, sshd_config(5)).
    if login.key:
        options |= {"IdentityFile": _as_value(str(Path(login.key).expanduser())), "IdentitiesOnly": "yes"}
    return ["-p", str(login.port), *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]


@functools.cache
def newer_options() -> dict[str, str]:
    """Return what is set back besides where this machine's OpenSSH knows it, from 8.7 on: an older one ends at such words."""
    try:
        said = subprocess.run(["ssh", "-V"], capture_output=True, timeout=CONNECT_SECONDS, check=False).stderr
    except (OSError, subprocess.TimeoutExpired):
        return {}
    found = re.match(rb"OpenSSH_(\d+)\.(\d+)", said)
    known = found and (int(found[1]), int(found[2])) >= (8, 7)
    return {"StdinNull": "no", "SessionType": "default", "ForkAfterAuthentication": "no"} if known else {}


def _as_value(path: str, token: str = "") -> str:
    """Return a path, with a token behind it, as one value of an option of ssh, which splits at spaces and reads `%` ."""
    text = path.replace("%", "%%") + token
    return text if _PLAIN_VALUE.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _short(command: str) -> str:
    first = command.strip().splitlines()[0]
    return first if len(first) <= 100 else f"{first[:97]}..."


def login_line(words: Sequence[str]) -> str:
    """Return a line of words that bash, zsh and fish as login shells read alike: fish unescapes also within single quotes."""
    return " ".join(f"'{_within_quotes(word)}'" if _TO_QUOTE.search(word) else word for word in words)


def _within_quotes(word: str) -> str:
    return word.replace("'", "'\"'\"'").replace("\\", "'\"\\\\\"'")


def after_mark(text: bytes, mark: bytes) -> bytes | None:
    """Return what comes after the first mark, None where there is none."""
    _, found, rest = text.partition(mark)
    return rest if found else None


@functools.cache
def socket_folder() -> Path:
    """Return this process's folder for the sockets of its connections; it is removed when the process ends."""
    return socket_parent()
