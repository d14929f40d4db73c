"""The person's probes: HTTP, TCP and commands, each with a deadline.

Findings are recorded: what went wrong is told without headers, command lines, and what a program said.
"""

from __future__ import annotations

import http.client
import re
import socket
from pathlib import Path

from migrator.adapters.clock import SystemClock
from migrator.adapters.hooks import ShellRunner
from migrator.adapters.web import Address, Deadline, get
from migrator.config.schema import HttpProbe, Probe
from migrator.errors import CommandFailedError
from migrator.model.verdict import Finding, Severity

# Bytes of an answer that are searched.
_BODY = 1 << 20


class _Unmet(Exception):  # noqa: N818 - an answer that is not the expected one
    """The answer is another one."""


class SystemProber:
    """Asks probes from this machine."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take the folder that commands run in: that of their file."""
        self._folder = folder

    def probe(self, probe: Probe) -> Finding:
        """Return what came of a probe; no answer within its timeout is a failure."""
        seconds = probe.timeout.total_seconds()
        try:
            if probe.http:
                _ask(probe.http, seconds)
            elif probe.tcp:
                socket.create_connection((probe.tcp.host, probe.tcp.port), timeout=seconds).close()
            else:
                ShellRunner(self._folder).run(probe.command, seconds)
        except TimeoutError:
            return _failed(probe, f"no answer within {seconds:g} s")
        except CommandFailedError as error:
            return _failed(probe, error.brief, error.output.strip()[-800:])
        except _Unmet as error:
            return _failed(probe, str(error))
        except OSError as error:
            return _failed(probe, error.strerror or type(error).__name__)
        except (ValueError, http.client.HTTPException) as error:
            # Without its text, which quotes a header or what the server sent.
            return _failed(probe, f"no HTTP answer, or the request cannot be sent: {type(error).__name__}")
        return Finding("probe", probe.name, Severity.OK)


def _ask(probe: HttpProbe, seconds: float) -> None:
    clock = SystemClock()
    answer = get(
        probe.url, probe.headers, deadline=Deadline(clock, clock.monotonic() + seconds), most=_BODY, require=_anywhere, cut=True
    )
    if answer.status != probe.status:
        raise _Unmet(f"answered {answer.status}, not {probe.status}")
    if probe.body and not re.search(probe.body, answer.body.decode(errors="replace")):
        raise _Unmet(f"the body does not contain {probe.body!r}")


def _anywhere(_: Address) -> None:
    """Refuse no address: the person named it."""


def _failed(probe: Probe, reason: str, said: str = "") -> Finding:
    hint = "see why green does not answer, or correct the probe"
    return Finding("probe", probe.name, Severity.FAILURE, reason, hint, said)
