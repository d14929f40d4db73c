"""A host whose commands a real shell runs, in a folder of the test; systemd is a stub that runs a unit at once."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from migrator.errors import CommandFailedError
from tests.support.clock import FakeClock

_MOVED = re.compile(r"(?<![\w.-])/(?=(?:var|etc|opt|run|data)/)")
"""Where an absolute path of the host begins that lies in the test's folder instead; no path of the test's own has it."""

_SYSTEMCTL = """#!/bin/sh
units=$HOST/units
case "$1" in
  stop | reset-failed) shift; for unit in "$@"; do rm -f "$units/$unit"; done ;;
  is-active) for last; do :; done; test -e "$units/$last" ;;
  show)
    for last; do :; done
    state=$(cat "$units/$last" 2>/dev/null || echo inactive/dead/0)
    active=${state%%/*} rest=${state#*/}
    case "$*" in
      *--value*) echo "${rest%%/*}" ;;
      *) printf 'ActiveState=%s\\nSubState=%s\\nExecMainStatus=%s\\n' "$active" "${rest%%/*}" "${rest#*/}" ;;
    esac ;;
esac
"""
_SYSTEMD_RUN = """#!/bin/sh
unit= stop=
while test "$1" != sh; do
  case "$1" in
    --unit=*) unit=${1#--unit=} ;;
    --property=ExecStopPost=*) stop=${1#--property=ExecStopPost=} ;;
  esac
  shift
done
"$@"
code=$?
echo "$unit" >> "$HOST/started"
case $code in
  0) echo active/exited/0 > "$HOST/units/$unit" ;;
  *) echo "failed/failed/$code" > "$HOST/units/$unit"; $stop ;;
esac
exit 0
"""
_CUT = """#!/bin/sh
left=$(cat "$HOST/cut")
test "$left" -eq 0 && kill -9 $PPID && exit 1
echo $((left - 1)) > "$HOST/cut"
exec {program} "$@"
"""


class ShellHost:
    """Fills the `Host` port; `programs` in its folder come before those of the machine."""

    def __init__(self, root: Path, name: str = "cp", *, inside: tuple[str, ...] = ()) -> None:
        """Take a folder; `inside` are words before the shell, such as those that enter a network namespace."""
        self.root = root
        self.name = name
        self._inside = inside
        self.clock = FakeClock()
        self._bin = root / "bin"
        (root / "units").mkdir(parents=True)
        self.program("systemctl", _SYSTEMCTL)
        self.program("systemd-run", _SYSTEMD_RUN)
        self.program("sync", "#!/bin/sh\n")

    def program(self, name: str, text: str) -> None:
        """Put a program in place."""
        self._bin.mkdir(exist_ok=True)
        (self._bin / name).write_text(text)
        (self._bin / name).chmod(0o755)

    def cut_after(self, changes: int) -> None:
        """Kill the shell in place of its next change but so many, as a power cut does; of many: never."""
        for name in ("mv", "rm", "mkdir", "touch"):
            self.program(name, _CUT.format(program=f"/bin/{name}"))
        (self.root / "cut").write_text(str(changes))

    @property
    def started(self) -> list[str]:
        """The units that were started."""
        file = self.root / "started"
        return file.read_text().split() if file.exists() else []

    def path(self, path: str) -> Path:
        """Return where a path of the host is."""
        return self.root / path.lstrip("/")

    def run(self, command: str, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
        """Run it in a real shell."""
        words = _MOVED.sub(f"{self.root}/", command)
        environment = {"PATH": f"{self._bin}:{os.environ['PATH']}", "HOST": str(self.root)}
        done = subprocess.run(
            [*self._inside, "sh", "-c", words], input=stdin, capture_output=True, timeout=timeout, check=False, env=environment
        )
        if done.returncode:
            raise CommandFailedError(command, done.returncode, done.stderr.decode() or done.stdout.decode())
        return done.stdout.decode()

    def ok(self, command: str, *, timeout: float = 60.0) -> bool:
        """Return whether it ends well."""
        try:
            self.run(command, timeout=timeout)
        except CommandFailedError:
            return False
        return True

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        return self.run(f"cat {path}").encode()

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Put a file in place."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)
