"""What only HAProxy's own arguments and haproxy.cfg tell, and its Runtime API does not."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath

from migrator.traffic.machine import Machine

_ZERO_WARNING = re.compile(r"^\s*zero-warning\b", re.MULTILINE)
_VERSION = re.compile(r"^Version: (\d+)\.(\d+)", re.MULTILINE)
# An older one looks up the host name of a line that leaves the port to haproxy.cfg, and does not start (server-state: 85af93b8c).
_LEAVES_PORTS_SINCE = (2, 5)
_PERSISTENCE = re.compile(r"^\s*(option persist|force-persist)\b", re.MULTILINE)


@dataclass(slots=True, frozen=True)
class StartOptions:
    """What is in force at the next start of a process."""

    refuses_warnings: bool
    """`zero-warning` or `-dW`: HAProxy does not start when something is to be warned of."""
    persistence: str
    """`option persist` or `force-persist` somewhere in the files: a server in maintenance is asked all the same."""
    config: str = field(default="", repr=False, compare=False)
    """The text of the files."""
    files: tuple[str, ...] = field(default=(), compare=False)
    """Their absolute paths, with links followed, in the order in which they are read."""
    arguments: tuple[str, ...] = field(default=(), compare=False)


def read_start_options(pid: int, machine: Machine) -> StartOptions | None:
    """Return what arguments and files of a process say; None when nobody can tell."""
    try:
        started = machine.started(pid)
    except OSError:
        return None
    if not started.config or "haproxy" not in PurePath(started.arguments[0]).name:
        return None  # its number is one of another PID namespace
    persistence = _PERSISTENCE.search(started.config)
    refuses = "-dW" in started.arguments or _ZERO_WARNING.search(started.config) is not None
    return StartOptions(refuses, persistence[1] if persistence else "", *started[1:], started.arguments)


def pins_ports(info: str, options: StartOptions | None) -> str:
    """Return why the state file must hold the servers' ports, from `show info` and the start; nothing where it need not."""
    version = _VERSION.search(info)
    if version and (int(version[1]), int(version[2])) < _LEAVES_PORTS_SINCE:
        return f"is version {version[1]}.{version[2]}"
    if options is None or options.refuses_warnings:
        return "may refuse to start with warnings (zero-warning)"
    return ""
