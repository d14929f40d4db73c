"""The file that HAProxy loads at its start (`load-server-state-from-file`): our weights, and nothing that haproxy.cfg decides.

A line of that file also holds address, port, host name, TLS and health. Taken from a running HAProxy they would win over a
haproxy.cfg that has changed since. Source for what each field does: src/server_state.c, the same from HAProxy 2.4 to 3.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from types import MappingProxyType

from migrator.errors import TrafficError
from migrator.traffic.backend import Server
from migrator.traffic.machine import Machine, ThisMachine
from migrator.traffic.next_start import Kept

_VERSION = "1"
_HEADER = (
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change "
    "srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id "
    "srv_fqdn srv_port srvrecord"
)
_HINT = "correct traffic.haproxy.stateFile: it is the file of `server-state-file`"
_RUNNING = "2"
_NOTHING: Mapping[str, int] = MappingProxyType({})
# Maintenance by command, and by `disabled` in haproxy.cfg, which is the person's. That of a name without an address, and of a
# server that follows another one, ends by itself: a file that has it takes the server out for good (haproxy#576).
_KEPT = 0x01 | 0x04
# Host name and SRV record of a server that has an address in haproxy.cfg: HAProxy warns and stops reading the line there,
# before the port. There is no other way to leave a port to haproxy.cfg.
_PORT_ELSEWHERE = ("see-haproxy.cfg", "_see-haproxy.cfg")


class StateFile:
    """The file at one path of a machine."""

    def __init__(self, path: PurePath, machine: Machine | None = None) -> None:
        self.path = path
        self._machine = machine or ThisMachine()

    def require_usable(self) -> None:
        """Raise TrafficError when it could not be written, or holds something else that would be lost."""
        merged(self._text(), (), pin_ports=True)
        if not self._machine.may_write(str(self.path.parent)):
            raise TrafficError(f"haproxy: {self.path} cannot be written: no permission for its folder", hint=_HINT)

    def kept(self, backend: str) -> dict[str, Kept]:
        """Return what it has of a backend's servers; raises TrafficError when it cannot be read, or holds something else."""
        found = (line.split() for line in _lines(self._text()))
        try:
            return {words[3]: Kept(int(words[7]), int(words[8]), int(words[6])) for words in found if words[1:2] == [backend]}
        except (ValueError, IndexError) as error:
            raise TrafficError(f"haproxy: {self.path} has a line that is no server's", hint=_HINT) from error

    def keep(self, servers: Iterable[Server], written: Mapping[str, int] = _NOTHING, *, pin_ports: bool) -> None:
        """Put these servers' weights into it; `written`: their weights in haproxy.cfg now, as far as they are known.

        Raises TrafficError when it cannot be written, or holds something else.
        """
        try:
            self._replace(merged(self._text(), servers, written, pin_ports=pin_ports))
        except TrafficError as error:
            raise TrafficError(
                f"{error.message}; the weights are set, but a restart of HAProxy would lose them", hint=_HINT
            ) from error

    def _text(self) -> str:
        try:
            return self._machine.read(str(self.path)).decode(errors="surrogateescape")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise TrafficError(f"haproxy: {self.path} cannot be read: {error.strerror}", hint=_HINT) from error

    def _replace(self, text: str) -> None:
        try:
            self._machine.replace(str(self.path), text.encode(errors="surrogateescape"))
        except OSError as error:
            raise TrafficError(f"haproxy: {self.path} cannot be written: {error.strerror}", hint=_HINT) from error


def merged(existing: str, servers: Iterable[Server], written: Mapping[str, int] = _NOTHING, *, pin_ports: bool) -> str:
    """Return the file's new text: the lines of these servers are replaced, all others stay as they are.

    Without `pin_ports` HAProxy warns at its start, once for each server, that it takes the port from haproxy.cfg. Raises
    TrafficError for text that is not such a file.
    """
    ours = {server.state[1:4:2]: _line(server, written.get(server.name), pin_ports=pin_ports) for server in servers}
    others = [line for line in _lines(existing) if tuple(line.split()[1:4:2]) not in ours]
    return "\n".join((_VERSION, _HEADER, *others, *ours.values(), ""))


def _lines(text: str) -> list[str]:
    if text.strip() and text.split("\n", 1)[0].strip() != _VERSION:
        raise TrafficError("haproxy: traffic.haproxy.stateFile holds something else than the state of servers", hint=_HINT)
    return [line for line in text.splitlines()[1:] if line.strip() and not line.lstrip().startswith("#")]


def _line(server: Server, written: int | None, *, pin_ports: bool) -> str:
    fields = list(server.state[:20])
    # HAProxy takes our weight where haproxy.cfg still has this one (haproxy#3296). Somebody may have changed it there since
    # HAProxy was started: what is set now is later than that.
    if written is not None:
        fields[8] = str(written)
    # Neither drain nor a state of health: HAProxy warns of both, and with `zero-warning` it would not start any more.
    fields[4:7] = "-", _RUNNING, str(server.admin & _KEPT)
    fields[9:13] = "0", "1", "0", "0"
    by_record, by_name = fields[19].startswith("_"), fields[17] != "-"
    if not by_record:
        fields[17] = "-"
        if not by_name and not pin_ports:
            fields[17], fields[19] = _PORT_ELSEWHERE
    return " ".join(fields)
