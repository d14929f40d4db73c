"""HAProxy through its Runtime API: weights without a reload, read back, and kept across a restart.

Source for the commands: HAProxy management guide, section 9.3 (`set server`, `show servers state`, `show stat`).
"""

from __future__ import annotations

import csv
import re
import socket
from pathlib import Path

from migrator.config.schema import HAProxyConfig
from migrator.errors import TrafficError
from migrator.model.traffic import SideCounters, TrafficReading

_HIGHEST = 256
_TIMEOUT = 5.0


class HAProxy:
    """One backend whose servers lead to blue and to green."""

    def __init__(self, config: HAProxyConfig, *, relative_to: Path) -> None:
        self._config = config
        self._socket = relative_to / Path(config.socket).expanduser()
        self._state_file = relative_to / Path(config.state_file).expanduser()

    def read(self) -> TrafficReading:
        """Return weights and counters; raises TrafficError when HAProxy does not answer or knows no such server."""
        rows = {row["svname"]: row for row in self._stat() if row["pxname"] == self._config.backend}
        if not rows:
            raise TrafficError(f"haproxy: no backend {self._config.backend}", hint=f"backends there: {self._backends()}")
        missing = [name for name in (*self._config.blue, *self._config.green) if name not in rows]
        if missing:
            known = ", ".join(name for name in rows if name not in ("FRONTEND", "BACKEND"))
            raise TrafficError(
                f"haproxy: backend {self._config.backend} has no server {', '.join(missing)}",
                hint=f"servers there: {known}",
            )
        weights = self._weights()
        blue = sum(weights[name] for name in self._config.blue)
        green = sum(weights[name] for name in self._config.green)
        return TrafficReading(
            green_percent=round(100 * green / (blue + green), 1) if blue + green else 0.0,
            blue=_side([rows[name] for name in self._config.blue]),
            green=_side([rows[name] for name in self._config.green]),
            servers={name: weights[name] for name in (*self._config.blue, *self._config.green)},
        )

    def shift(self, green_percent: float) -> TrafficReading:
        """Set the share of green; the side that gains comes first, so that there is always somebody to answer."""
        wanted = self._wanted(green_percent)
        before = self._weights()
        for name in sorted(wanted, key=lambda server: before.get(server, 0) > wanted[server]):
            server = f"{self._config.backend}/{name}"
            self._command(f"set server {server} weight {wanted[name]}")
            # A server without share drains: it ends what it has, and no persistence rule sends it more.
            self._command(f"set server {server} state {'ready' if wanted[name] else 'drain'}")
        reading = self.read()
        if reading.servers != wanted:
            raise TrafficError(f"haproxy: weights are {reading.servers}, not {wanted}", hint="does something else set them too?")
        self._persist()
        return reading

    def _wanted(self, green_percent: float) -> dict[str, int]:
        shares = {name: (100 - green_percent) / len(self._config.blue) for name in self._config.blue}
        shares |= {name: green_percent / len(self._config.green) for name in self._config.green}
        scale = 1.0 if all(share == int(share) for share in shares.values()) else _HIGHEST / max(shares.values())
        return {name: max(1, round(share * scale)) if share else 0 for name, share in shares.items()}

    def _weights(self) -> dict[str, int]:
        weights = {}
        for line in self._command(f"show servers state {self._config.backend}").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 8 and not line.startswith("#"):
                weights[fields[3]] = int(fields[7])
        return weights

    def _stat(self) -> list[dict[str, str]]:
        text = self._command("show stat").removeprefix("# ")
        return list(csv.DictReader(text.splitlines()))

    def _backends(self) -> str:
        return ", ".join(row["pxname"] for row in self._stat() if row["svname"] == "BACKEND") or "none"

    def _persist(self) -> None:
        """Write the state that HAProxy loads at its next start (`load-server-state-from-file`)."""
        state = self._command("show servers state")
        partial = self._state_file.with_name(self._state_file.name + ".new")
        try:
            partial.write_text(state)
            partial.replace(self._state_file)
        except OSError as error:
            raise TrafficError(
                f"haproxy: weights are set, but {self._state_file} cannot be written: {error.strerror}",
                hint="a restart of HAProxy would lose them; correct traffic.haproxy.stateFile",
            ) from error

    def _command(self, command: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_TIMEOUT)
                connection.connect(str(self._socket))
                connection.sendall(command.encode() + b"\n")
                chunks = []
                while chunk := connection.recv(65536):
                    chunks.append(chunk)
        except FileNotFoundError as error:
            raise TrafficError(
                f"haproxy: {self._socket}: no such socket", hint="is HAProxy running, with `stats socket`?"
            ) from error
        except PermissionError as error:
            raise TrafficError(
                f"haproxy: {self._socket}: no permission",
                hint="run as a user of its group, or set `mode` and `group` on `stats socket`",
            ) from error
        except ConnectionRefusedError as error:
            raise TrafficError(f"haproxy: {self._socket}: nobody listens", hint="is HAProxy running?") from error
        except OSError as error:
            raise TrafficError(f"haproxy: {self._socket}: {error}", hint="is HAProxy running?") from error
        answer = b"".join(chunks).decode()
        refusal = re.match(r"\s*(Permission denied|Unknown command|No such (?:server|backend)|Can't find)[^\n]*", answer)
        if refusal:
            hint = "`stats socket` needs `level admin`" if "Permission" in refusal.group() else ""
            raise TrafficError(f"haproxy: `{command}`: {refusal.group().strip()}", hint=hint)
        return answer


def _side(rows: list[dict[str, str]]) -> SideCounters:
    def total(*fields: str) -> int:
        return sum(int(row.get(field) or 0) for row in rows for field in fields)

    answered = [row for row in rows if int(row.get("stot") or 0)]
    slowest = max((float(row.get("rtime") or 0) for row in answered), default=0.0)
    requests = sum(int(row.get("req_tot") or 0) or int(row.get("stot") or 0) for row in rows)
    return SideCounters(requests=requests, errors=total("hrsp_5xx", "econ"), latency_ms=slowest, sessions=total("scur"))
