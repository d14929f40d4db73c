"""Run what must not be cut off as a systemd unit on the host, and watch it from here.

`kubeadm upgrade apply` goes on when the connection, or this program, dies; the next run finds it and waits for the same one,
so that two of them never meet. Only what still runs is joined: a result that an earlier run left proves nothing for this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from migrator.errors import CommandFailedError, HostError
from migrator.nodes.paths import ROUTES_SERVICE, SECOND_API, SECOND_ETCD
from migrator.ports import Host
from migrator.untrusted import for_shell

_LOGS = "/var/log/migrator"
# How the name of every unit begins that this tool starts.
_PREFIX = "migrator-"
# Each look is a command over SSH, on a board of one core more than nothing.
_FIRST_POLL, _POLL = 0.1, 1.0
# Of the time that it runs already: what is over soon is seen soon.
_POLL_SHARE = 0.2
# How long a host may be away: its command runs on without us.
_LOST_SECONDS = 120.0
# Units of this tool that run on until somebody ends them.
_NO_WORK = frozenset({ROUTES_SERVICE, f"{SECOND_API}.service", f"{SECOND_ETCD}.service"})
# Sub-states of a unit whose command does not run (systemd's service state machine).
_ENDED = frozenset({"exited", "dead", "failed"})


@dataclass(slots=True, frozen=True)
class SecretFile:
    """A file that a command reads and nobody else; it is in memory only, and gone when the command has ended."""

    path: str
    """In /run, so that it does not outlive a power cut."""
    content: bytes = field(repr=False)


@dataclass(slots=True, frozen=True)
class Detached:
    """One command with a unit of its own; commands that are the same have the same unit."""

    unit: str
    command: str
    """A command with its arguments, quoted for a shell."""
    timeout: float
    """Seconds from when it is first seen here."""
    patience: float = _LOST_SECONDS
    """Seconds that a host may be away."""
    secret: SecretFile | None = None

    @property
    def log(self) -> str:
        """Where its output stands on the host."""
        return f"{_LOGS}/{self.unit}.log"

    def run(self, host: Host, say: Callable[[str], None]) -> str:
        """Start it, or join the one that runs already, and return its output.

        Raises CommandFailedError when it fails, HostError when the host is away for too long or the time is over.
        """
        self.begin(host)
        return self.await_end(host, say)

    def begin(self, host: Host) -> None:
        """Start it, unless it runs already; raises CommandFailedError or HostError."""
        if not self.runs(host):
            try:
                self._start(host)
            except CommandFailedError:
                # Somebody else was faster: there is one unit of a name, and it is joined.
                if not self.runs(host):
                    raise

    def runs(self, host: Host) -> bool:
        """Return whether its command runs now."""
        return self._state(host)[1] not in _ENDED

    def await_end(self, host: Host, say: Callable[[str], None]) -> str:
        """Wait for the unit that runs, and return its output; raises as `run` does."""
        deadline = host.clock.monotonic() + self.timeout
        begun = last_seen = host.clock.monotonic()
        shown = ""
        while True:
            try:
                state, substate, code, tail = self._state(host)
                last_seen = host.clock.monotonic()
            except HostError:
                # The command does not need us; a host that is away for good is said below.
                if host.clock.monotonic() - last_seen > self.patience:
                    raise
                host.clock.sleep(_POLL)
                continue
            if tail and tail != shown:
                shown = tail
                say(f"{host.name}: {tail}")
            if substate in _ENDED:
                return self._collect(host, failed=state != "active", code=code)
            if host.clock.monotonic() > deadline:
                raise HostError(
                    f"{host.name}: {self.unit} is not done after {self.timeout:.0f} s: {tail}",
                    hint=f"it still runs there: `journalctl -u {self.unit}`, {self.log}; run this again to continue waiting",
                )
            host.clock.sleep(min(_POLL, max(_FIRST_POLL, _POLL_SHARE * (host.clock.monotonic() - begun))))

    def _start(self, host: Host) -> None:
        """Forget what an earlier unit of its name has left, and start it; one that runs by now is left alone."""
        ended = " | ".join(sorted(_ENDED))
        lines = [
            f'case "$(systemctl show -p SubState --value {self.unit})" in {ended} | "") ;; *) exit 0 ;; esac',
            f"install -d -m 700 {_LOGS}",
            f"systemctl stop {self.unit} 2>/dev/null; systemctl reset-failed {self.unit} 2>/dev/null",
            f"rm -f {self.log}",
        ]
        # Without RemainAfterExit systemd forgets a unit that has succeeded, and a run that was away could not read its result.
        properties, script, stdin = ["RemainAfterExit=yes"], f"exec {self.command} > {self.log} 2>&1", b""
        otherwise = ""
        if self.secret:
            path, stdin = for_shell(self.secret.path), self.secret.content
            lines.append(f"(umask 077; mkdir -p {for_shell(self.secret.path.rpartition('/')[0])}; cat > {path})")
            # A line that was cut ends the text early.
            lines.append(f'test "$(wc -c < {path})" -eq {len(stdin)} || {{ rm -f {path}; exit 1; }}')
            # Runs after a kill, too, when the script has no chance to remove it (systemd.service(5)).
            properties.append(f"ExecStopPost=/usr/bin/rm -f {path}")
            script = f"{self.command} > {self.log} 2>&1; code=$?; rm -f {path}; exit $code"
            otherwise = f" || {{ rm -f {path}; exit 1; }}"
        options = " ".join(for_shell(f"--property={text}") for text in properties)
        # systemd sets no HOME for a system service without User= (systemd.exec(5)), and programs look for their files there.
        # A service speaks the host's language (locale.conf(5)), and hints are found by words of pacman's.
        surroundings = "--setenv=HOME=/root --setenv=LC_ALL=C"
        lines.append(f"systemd-run --quiet --unit={self.unit} {options} {surroundings} sh -c {for_shell(script)}{otherwise}")
        host.run("\n".join(lines), stdin=stdin)

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


def running_units(host: Host) -> list[str]:
    """Return the units that this tool has started on a host, now or in an earlier run, and whose commands still run."""
    listed = host.run(f"systemctl list-units --plain --no-legend --full --type=service '{_PREFIX}*'; true")
    rows = [line.split() for line in listed.splitlines()]
    return [row[0] for row in rows if len(row) > 3 and row[0] not in _NO_WORK and row[3] not in _ENDED]


def end_units(host: Host, units: list[str]) -> None:
    """End units and the commands that they run."""
    host.run(f"systemctl stop {' '.join(map(for_shell, units))}", timeout=180)
