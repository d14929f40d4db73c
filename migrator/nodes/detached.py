"""Run what must not be cut off as a systemd unit on the host, and watch it from here.

`kubeadm upgrade apply` goes on when the connection, or this program, dies; the next run finds it and waits for the same one,
so that two of them never meet.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from migrator.errors import CommandFailedError, HostError
from migrator.ports import Host

_LOGS = "/var/log/migrator"
_FIRST_POLL, _POLL = 0.1, 1.0
_LOST_SECONDS = 120.0


@dataclass(slots=True, frozen=True)
class Detached:
    """One command with a unit of its own; commands that are the same have the same unit."""

    unit: str
    command: str
    timeout: float
    """Seconds from when it is first seen here."""

    @property
    def log(self) -> str:
        """Where its output stands on the host."""
        return f"{_LOGS}/{self.unit}.log"

    def run(self, host: Host, say: Callable[[str], None]) -> str:
        """Start it, or join the one that runs already, and return its output.

        Raises CommandFailedError when it fails, HostError when the host is away for two minutes or the time is over.
        """
        if self._state(host)[0] not in ("active", "activating"):
            self._start(host)
        deadline = host.clock.monotonic() + self.timeout
        last_seen, shown, pause = host.clock.monotonic(), "", _FIRST_POLL
        while True:
            try:
                state, substate, code, tail = self._state(host)
                last_seen = host.clock.monotonic()
            except HostError:
                # The command does not need us; a host that is away for good is said below.
                if host.clock.monotonic() - last_seen > _LOST_SECONDS:
                    raise
                host.clock.sleep(_POLL)
                continue
            if tail and tail != shown:
                shown = tail
                say(f"{host.name}: {tail}")
            if substate == "exited" or state in ("failed", "inactive"):
                return self._collect(host, failed=state != "active", code=code)
            if host.clock.monotonic() > deadline:
                raise HostError(
                    f"{host.name}: {self.unit} is not done after {self.timeout:.0f} s: {tail}",
                    hint=f"it still runs there: `journalctl -u {self.unit}`, {self.log}; run this again to go on waiting",
                )
            host.clock.sleep(pause)
            pause = min(_POLL, 2 * pause)

    def _start(self, host: Host) -> None:
        script = shlex.quote(f"exec {self.command} > {self.log} 2>&1")
        host.run(
            f"install -d -m 700 {_LOGS}; systemctl reset-failed {self.unit} 2>/dev/null; rm -f {self.log}; "
            f"systemd-run --quiet --unit={self.unit} --property=RemainAfterExit=yes --setenv=HOME=/root sh -c {script}"
        )

    def _state(self, host: Host) -> tuple[str, str, int, str]:
        answer = host.run(
            f"systemctl show -p ActiveState -p SubState -p ExecMainStatus {self.unit}; tail -n 1 {self.log} 2>/dev/null; true"
        )
        values = dict(line.split("=", 1) for line in answer.splitlines()[:3] if "=" in line)
        tail = " ".join(line for line in answer.splitlines()[3:] if line)
        code = values.get("ExecMainStatus") or "0"
        return values.get("ActiveState", ""), values.get("SubState", ""), int(code), tail[:160]

    def _collect(self, host: Host, *, failed: bool, code: int) -> str:
        clean = f"systemctl stop {self.unit} 2>/dev/null; systemctl reset-failed {self.unit} 2>/dev/null"
        output = host.run(f"cat {self.log} 2>/dev/null; {clean}; true")
        if failed:
            # A unit that is gone without a result went down with its host.
            raise CommandFailedError(f"{host.name}: {self.command}", code or 1, output or "it was ended from outside")
        return output
