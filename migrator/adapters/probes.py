"""The person's probes: HTTP, TCP and commands, each with a deadline."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request

from migrator.adapters.hooks import ShellRunner
from migrator.config.schema import HttpProbe, Probe
from migrator.errors import CommandFailedError
from migrator.model.verdict import Finding, Severity


class SystemProber:
    """Asks probes from this machine."""

    def probe(self, probe: Probe) -> Finding:
        """Return what came of a probe; no answer within its timeout is a failure."""
        seconds = probe.timeout.total_seconds()
        try:
            if probe.http:
                _ask(probe.http, seconds)
            elif probe.tcp:
                socket.create_connection((probe.tcp.host, probe.tcp.port), timeout=seconds).close()
            else:
                ShellRunner().run(probe.command, seconds)
        except TimeoutError:
            return _failed(probe, f"no answer within {seconds:g} s")
        except (OSError, ValueError, CommandFailedError) as error:
            return _failed(probe, str(getattr(error, "reason", error)))
        return Finding("probe", probe.name, Severity.OK)


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    def http_response(self, request: urllib.request.Request, response: object) -> object:
        """Return the answer as it is: its status is the probe's to judge."""
        del request
        return response

    https_response = http_response


def _ask(probe: HttpProbe, seconds: float) -> None:
    request = urllib.request.Request(probe.url, headers=probe.headers)
    try:
        with urllib.request.build_opener(_AnyStatus).open(request, timeout=seconds) as response:
            if response.status != probe.status:
                raise ValueError(f"answered {response.status}, not {probe.status}")
            if probe.body and not re.search(probe.body, response.read(1 << 20).decode(errors="replace")):
                raise ValueError(f"the body does not contain {probe.body!r}")
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise TimeoutError from error
        raise


def _failed(probe: Probe, reason: str) -> Finding:
    return Finding("probe", probe.name, Severity.FAILURE, reason, "see why green does not answer, or correct the probe")
