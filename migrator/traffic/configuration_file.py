"""Change the lines of haproxy.cfg that the next start would take the shares from; HAProxy itself proves the new file first.

Nothing is reloaded: the running process has its shares already.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

from migrator.errors import TrafficError
from migrator.model.traffic import Announce, FileChange
from migrator.traffic.machine import Machine
from migrator.traffic.next_start import lines_to_change, rewritten, server_lines
from migrator.traffic.start_options import StartOptions
from migrator.untrusted import printable

# HAProxy reads files of a folder by their ending `.cfg`: neither name has it.
_COPY = ".before-migrator"
_NEW = ".new-migrator"
_HEAD_LINES = 40
_MANAGED = re.compile(
    r"^\s*#.*\b(ansible|puppet|chef|salt(stack)?|cfengine|terraform|confd|consul-template|kubespray|dataplaneapi"
    r"|managed (by|file)|generated (by|from)|auto-?(matical{1,2}y )?generated|generated on"
    r"|do not (edit|modify|change)|don'?t (edit|modify|change)|will be (overwritten|lost|replaced))\b.*$",
    re.IGNORECASE,
)
# Arguments with a value that decide how files are read (management guide, section 3), and those without one.
_KEPT_WITH_VALUE = ("-C", "-L")
_KEPT = ("-dW",)
# HAProxy and systemd set these for one process; a check with them would take itself for that one.
_OF_THE_PROCESS = "HAPROXY_|NOTIFY_SOCKET=|LISTEN_"
_REPLACE = r"""set -eu
file={file} new={new}
trap 'rm -f "$new"' EXIT
cp -a "$file" "$new"
cat > "$new"
owner() {{ stat -c %u:%g:%a "$1"; }}
[ "$(owner "$file")" = "$(owner "$new")" ] || {{ echo 'its owner would change: that takes root' >&2; exit 1; }}
variables=$(sed -zn "/^\({process}\)/d; s/'/'\\\\''/g; s/^\([A-Za-z_][A-Za-z0-9_]*\)=\(.*\)$/export \1='\2'/p" \
  /proc/{pid}/environ 2> /dev/null | tr '\0' '\n') || variables=
program={program}
[ -x "$program" ] || program=/proc/{pid}/exe
told=$(
  eval "$variables"
  if [ "$(readlink /proc/{pid}/root)" = / ]; then cd /proc/{pid}/cwd; else cd /; fi
  exec "$program" -c {arguments} < /dev/null 2>&1
) || {{ printf 'haproxy -c: %s\n' "$(printf '%s\n' "$told" | grep -m 1 ALERT || printf '%s\n' "$told" | tail -n 1)" >&2; exit 1; }}
[ "$(sha256sum < "$file")" = '{digest}  -' ] || {{ echo 'somebody has changed it meanwhile' >&2; exit 1; }}
cp -a "$file" {copy}
sync "$new" 2> /dev/null || sync
mv -f "$new" "$file"
"""


@dataclass(slots=True, frozen=True)
class _Planned:
    path: str
    old: str
    new: str
    lines: tuple[str, ...]


class ConfigurationFile:
    """The file in which one backend's servers stand, of those that a process of HAProxy was started with."""

    def __init__(self, machine: Machine, pid: int, options: StartOptions, backend: str, *, managed_too: bool) -> None:
        """Take the process; `managed_too`: whether a file that a program manages is changed, too."""
        self._machine = machine
        self._pid = pid
        self._options = options
        self._backend = backend
        self._managed_too = managed_too

    def change(self, shares: Mapping[str, int]) -> FileChange:
        """Return what is to be changed; raises TrafficError where that is not possible, or not without the person's word."""
        return self._told(self._planned(shares), shares)

    def write(self, shares: Mapping[str, int], announce: Announce) -> None:
        """Change it, after `announce`; raises TrafficError where it stays as it was."""
        planned = self._planned(shares)
        announce(self._told(planned, shares))
        try:
            self._machine.run(self._script(planned), planned.new.encode(errors="surrogateescape"))
        except OSError as error:
            raise self._unwritten(planned.path, f"it cannot be changed: {printable(str(error.strerror).strip())}") from error

    def _told(self, planned: _Planned, shares: Mapping[str, int]) -> FileChange:
        named = self._machine.named(planned.path)
        return FileChange(named, f"{planned.path}{_COPY}", tuple(map(printable, planned.lines)), dict(shares))

    def _planned(self, shares: Mapping[str, int]) -> _Planned:
        path, text = self._holder(shares)
        managed = next((line for line in text.split("\n")[:_HEAD_LINES] if _MANAGED.match(line)), "")
        if managed and not self._managed_too:
            raise self._unwritten(
                path,
                f"it says `{printable(managed.strip())}`",
                hint="change it where it is made, or say `configuration: write-managed`",
            )
        new = rewritten(text, self._backend, shares, self._read(f"{path}{_COPY}", missing=""))
        left = lines_to_change(new, self._backend, shares)
        if left:
            raise self._unwritten(path, f"backend {self._backend} has no lines there for `{'`, `'.join(left)}`")
        changed = tuple(now.strip() for was, now in zip(text.split("\n"), new.split("\n"), strict=True) if was != now)
        return _Planned(path, text, new, changed)

    def _holder(self, shares: Mapping[str, int]) -> tuple[str, str]:
        for path in self._options.files:
            text = self._read(path)
            if any(line.name in shares for line in server_lines(text, self._backend)):
                return path, text
        raise TrafficError(
            f"haproxy: no file of {', '.join(self._options.files) or '-f'} has lines for the servers of {self._backend}",
            hint="those of a `server-template` have none: give a stateFile, which keeps their weights; or take `configuration` out",
        )

    def _read(self, path: str, *, missing: str | None = None) -> str:
        try:
            return self._machine.read(path).decode(errors="surrogateescape")
        except FileNotFoundError as error:
            if missing is not None:
                return missing
            raise self._unwritten(path, "it is not there any more") from error
        except OSError as error:
            raise self._unwritten(path, f"it cannot be read: {printable(str(error.strerror))}") from error

    def _script(self, planned: _Planned) -> str:
        path = PurePath(planned.path)
        new = str(path.with_name(f".{path.name}{_NEW}"))
        files = [new if file == planned.path else file for file in self._options.files]
        arguments = [*(word for file in files for word in ("-f", file)), *self._kept()]
        return _REPLACE.format(
            file=shlex.quote(planned.path),
            new=shlex.quote(new),
            copy=shlex.quote(f"{planned.path}{_COPY}"),
            process=_OF_THE_PROCESS.replace("|", r"\|"),
            pid=self._pid,
            program=shlex.quote(self._options.arguments[0]),
            arguments=shlex.join(arguments),
            digest=hashlib.sha256(planned.old.encode(errors="surrogateescape")).hexdigest(),
        )

    def _kept(self) -> list[str]:
        words = self._options.arguments[1:]
        kept = [word for word in words if word in _KEPT]
        return kept + [word for option, value in pairwise(words) if option in _KEPT_WITH_VALUE for word in (option, value)]

    def _unwritten(self, path: str, why: str, hint: str = "") -> TrafficError:
        return TrafficError(
            f"haproxy: {self._machine.named(path)} is not changed, and a restart would lose these weights: {why}",
            hint=hint or "change its server lines yourself, or take `configuration` out of migration.yaml",
        )
