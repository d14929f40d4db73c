"""One host whose keepalived may hold an address: what it says, and the file that it tracks.

The file is keepalived's own means (`track_file`, keepalived.conf(5)): it looks at it at once when it changes, and again when it
starts, so a host that was told not to hold the address does not take it after a reboot. Nothing is stopped, nothing is
reloaded, and other addresses of the same keepalived stay where they are.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from migrator.config.address import KeepalivedHost
from migrator.errors import CommandFailedError, HostError, TrafficError
from migrator.traffic.vrrp import Vrrp, read_vrrp
from migrator.untrusted import printable

if TYPE_CHECKING:
    from migrator.ports import Host

MAY = 0
"""In the file: the host may hold the address, with its own priority. Another number is added to that."""
MAY_NOT = -254
"""In the file: keepalived puts the instance into FAULT, which holds no address (keepalived.conf(5): less than -253)."""
# For a login on a busy host; what is waited for there comes on top.
_LOOK_TIMEOUT = 20.0
_MARK = "-- data --"
_DEAD = "keepalived does not run"
_SILENT = "keepalived does not answer SIGUSR1"

# Each program that the shell starts takes milliseconds of a busy host, so what the shell can do itself it does.
_FIND = """set -u
pid= name= inside=
read -r pid 2>/dev/null < {pid_file}
case "$pid" in ''|*[!0-9]*) pid=;; esac
[ -z "$pid" ] || read -r name 2>/dev/null < "/proc/$pid/comm"
if [ "$name" = keepalived ] && [ -e "/proc/$pid/ns/net" ]; then
  exec 9< "/proc/$pid/ns/net"
  # Its network namespace, also once it has ended.
  [ "/proc/$pid/ns/net" -ef /proc/self/ns/net ] || inside="nsenter --net=/proc/$$/fd/9"
else
  pid=
fi
has() {{ $inside ip -o address show to {ip} 2>/dev/null; }}
holds() {{ [ -n "$(has)" ]; }}
drop() {{ has | while read -r _ device _ address _; do $inside ip address del "$address" dev "$device"; done; }}
"""
# A busy disk takes seconds to sync: nobody waits for that, keepalived looks at once.
_WRITE = """[ -d {folder} ] || mkdir -p {folder}
(umask 022; echo {value} > {file}.new) && mv {file}.new {file} || exit 1
(sync {file} > /dev/null 2>&1 < /dev/null &)
[ {value} -ge 0 ] || [ -n "$pid" ] || drop
"""
_WAIT = """left={hundredths}
while {until} && [ "$left" -gt 0 ]; do sleep 0.01; left=$((left - 1)); done
"""
_END = """if [ -n "$pid" ]; then
  kill -9 "$pid" $(cat "/proc/$pid/task/$pid/children" 2>/dev/null || pgrep -P "$pid")
fi
left=200
while [ -n "$pid" ] && readlink "/proc/$pid/exe" > /dev/null && [ "$left" -gt 0 ]; do sleep 0.01; left=$((left - 1)); done
drop
"""
_SEEN = """if holds; then echo holds=yes; else echo holds=no; fi
number=
read -r number 2>/dev/null < {file}
echo "file=$number"
"""
_DISK = """echo "disk=$(stat -f -c %T {folder} 2>/dev/null)"
"""
# What keepalived writes may hold a password: that line is left out, and so is the file afterwards.
_DATA = """[ -n "$pid" ] || {{ echo 'trouble={dead}'; exit 0; }}
folder=$(tr '\\0' '\\n' < "/proc/$pid/environ" | sed -n 's/^TMPDIR=//p')
data="/proc/$pid/root${{folder:-/tmp}}/keepalived.data"
rm -f "$data"
kill -USR1 "$pid"
left=200
until grep -q -e '-< Interfaces >-' "$data" 2>/dev/null; do
  left=$((left - 1)); [ "$left" -gt 0 ] || {{ echo 'trouble={silent}'; exit 0; }}
  sleep 0.01
done
echo '-- data --'
sed -n '/-< VRRP Topology >-/,/-< Interfaces >-/{{/Password/d;p;}}' "$data"
rm -f "$data" "${{data%.data}}_parent.data"
"""


@dataclass(slots=True, frozen=True)
class Seen:
    """What a host says."""

    holds: bool
    """Whether it has the address."""
    file: int | None
    """The number in the tracked file; None when there is no file, or no number in it."""
    lasting: bool
    """Whether the file is there after a reboot."""
    vrrp: Vrrp | None = None
    """None where keepalived was not asked, or did not answer."""
    trouble: str = ""
    """Why keepalived did not answer."""


class Holder(Protocol):
    """A host that may hold the address."""

    def look(self, *, ask: bool = True) -> Seen:
        """Return what it has, and with `ask` what its keepalived says; raises TrafficError."""

    def write(self, value: int, *, ask: bool = False) -> Seen:
        """Put a number into the tracked file, and look; raises TrafficError."""

    def write_and_wait(self, value: int, *, holds: bool, seconds: float) -> Seen:
        """Put a number into the file, wait until it holds the address or does not, for a limited time, and look."""

    def end(self) -> None:
        """End a keepalived that keeps the address, and take that off the host; raises TrafficError."""


class OverSsh:
    """A host over SSH."""

    def __init__(self, host: Host, config: KeepalivedHost, ip: str) -> None:
        self._host = host
        self._words = {
            "ip": shlex.quote(ip),
            "pid_file": shlex.quote(config.pid_file),
            "file": shlex.quote(config.track_file),
            "folder": shlex.quote(str(PurePosixPath(config.track_file).parent)),
            "dead": _DEAD,
            "silent": _SILENT,
        }
        self._config = config
        self._ip = ip

    def look(self, *, ask: bool = True) -> Seen:
        """Look, in one command."""
        return self._run([_SEEN, _DISK, *([_DATA] if ask else [])])

    def write(self, value: int, *, ask: bool = False) -> Seen:
        """Write, in one command."""
        return self._run([_WRITE, _SEEN, *([_DATA] if ask else [])], value=value)

    def write_and_wait(self, value: int, *, holds: bool, seconds: float) -> Seen:
        """Write and wait, in one command: the time of a connection is no time of waiting."""
        until = "! holds" if holds else "holds"
        return self._run([_WRITE, _WAIT, _SEEN], value=value, hundredths=round(seconds * 100), until=until, seconds=seconds)

    def end(self) -> None:
        """End it, in one command; when it starts again, the file forbids it the address."""
        if self._run([_WRITE, _END, _SEEN], value=MAY_NOT).holds:
            raise TrafficError("the address cannot be taken off", hint=f"on the host: ip address del {self._ip}/... dev ...")

    def _run(self, parts: list[str], *, seconds: float = 0.0, **words: object) -> Seen:
        script = "".join([_FIND, *parts]).format(**self._words, **words)
        try:
            output = self._host.run(script, timeout=_LOOK_TIMEOUT + seconds)
        except HostError as error:
            raise TrafficError(error.message, hint=error.hint) from error
        except CommandFailedError as error:
            said = " ".join(printable(error.output).split())[:200]
            file = self._config.track_file
            raise TrafficError(f"{file} cannot be written: {said}", hint="is it on a disk that can be written?") from error
        head, _, data = output.partition(f"{_MARK}\n")
        said_of = dict(line.partition("=")[::2] for line in head.splitlines())
        number = said_of.get("file", "")
        return Seen(
            holds=said_of.get("holds") == "yes",
            file=int(number) if number.removeprefix("-").isdecimal() else None,
            lasting=said_of.get("disk") not in ("tmpfs", "ramfs"),
            vrrp=read_vrrp(data, self._ip, self._config.track_file) if data else None,
            trouble=said_of.get("trouble", ""),
        )
