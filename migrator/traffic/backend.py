"""One backend as HAProxy describes it: `show stat` and `show servers state` in, servers out.

Source for columns and fields: HAProxy management guide, sections 9.1 and 9.3. Nothing here asks HAProxy.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from migrator.errors import TrafficError
from migrator.model.traffic import SideCounters
from migrator.untrusted import printable

STAT_BEGINS = "# pxname,svname,"
STATE_BEGINS = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
# Fewer fields than these HAProxy itself refuses (server-t.h: SRV_STATE_FILE_MIN_FIELDS_VERSION_1).
_STATE_FIELDS = 20
# Bits of srv_admin_state (HAProxy management guide, `show servers state`): forced, inherited, by DNS.
_MAINTENANCE = 0x01 | 0x02 | 0x20
_UNRESOLVED = 0x20
# Forced and inherited.
_DRAIN = 0x08 | 0x10
# What `state ready` leaves as it is (src/server.c: srv_adm_set_ready): inherited from a tracked server, and by DNS.
_NOT_BY_COMMAND = 0x02 | 0x10 | 0x20
# Configured and enabled (check-t.h).
_CHECK_RUNS = 0x02 | 0x04
_SUMS = frozenset({"FRONTEND", "BACKEND"})


class ServersMissingError(TrafficError):
    """The backend lacks servers; `names` says which."""

    def __init__(self, message: str, *, hint: str = "", names: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.names = names


@dataclass(slots=True, frozen=True)
class Server:
    """One server of the backend."""

    name: str
    stat: Mapping[str, str]
    """Its row of `show stat`."""
    state: tuple[str, ...]
    """Its line of `show servers state`."""

    @property
    def weight(self) -> int:
        """The weight that was set, whether or not it counts now."""
        return _number(self.state[7], "srv_uweight")

    @property
    def configured_weight(self) -> int:
        """The weight in haproxy.cfg."""
        return _number(self.state[8], "srv_iweight")

    @property
    def share(self) -> int:
        """The weight that counts: 0 in drain and in maintenance."""
        return 0 if self.out_of_service else self.weight

    @property
    def admin(self) -> int:
        """What people have set (server-t.h: SRV_ADMF_*)."""
        return _number(self.state[6], "srv_admin_state")

    @property
    def out_of_service(self) -> bool:
        """Whether people, or haproxy.cfg, have taken it out of balancing."""
        return bool(self.admin & (_MAINTENANCE | _DRAIN))

    @property
    def in_maintenance(self) -> bool:
        """Whether it gets nothing at all, not even from clients that hold its cookie."""
        return bool(self.admin & _MAINTENANCE)

    @property
    def stays_out(self) -> bool:
        """Whether it is out of balancing, and no command to it changes that."""
        return bool(self.admin & _NOT_BY_COMMAND)

    @property
    def unresolved(self) -> bool:
        """Whether it is in maintenance because its name has no address."""
        return bool(self.admin & _UNRESOLVED)

    @property
    def by_record(self) -> bool:
        """Whether a record of DNS (SRV) gives its address and port, and its weight unless haproxy.cfg says otherwise."""
        return self.state[19].startswith("_")

    @property
    def up(self) -> bool:
        """Whether HAProxy would send it a request."""
        return self.stat["status"].startswith(("UP", "no check"))

    @property
    def condition(self) -> str:
        """HAProxy's words for whether it is up, and why."""
        why = " ".join(self.stat.get(column) or "" for column in ("check_status", "last_chk")).split()
        return printable(f"{self.stat['status']} ({' '.join(why)})" if why else self.stat["status"])

    @property
    def sessions(self) -> int:
        """What is open on it now."""
        return self.count("scur")

    @property
    def backup(self) -> bool:
        """Whether it serves only when all others are down."""
        return self.count("bck") > 0

    @property
    def has_agent(self) -> bool:
        """Whether an agent check runs, which may set weight and state by itself."""
        return _number(self.state[14], "srv_agent_state") & _CHECK_RUNS == _CHECK_RUNS

    def count(self, column: str) -> int:
        """Return a counter of `show stat`; 0 where HAProxy counts none."""
        return _number(self.stat.get(column) or "0", column)


@dataclass(slots=True, frozen=True)
class Backend:
    """The backend with its servers, in HAProxy's order."""

    name: str
    mode: str
    algorithm: str
    """Empty when HAProxy does not tell."""
    servers: Mapping[str, Server]

    def require(self, names: Iterable[str]) -> None:
        """Raise ServersMissingError unless all of these servers are there."""
        missing = tuple(name for name in names if name not in self.servers)
        if missing:
            raise ServersMissingError(
                f"haproxy: backend {self.name} has no server {', '.join(missing)}",
                hint=f"servers there: {printable(', '.join(self.servers))}",
                names=missing,
            )


def read_stat(text: str, backend: str) -> dict[str, dict[str, str]]:
    """Return the backend's rows by server name, and the backend's own as BACKEND; raises TrafficError when there are none."""
    rows = [
        row for row in csv.DictReader(io.StringIO(text.removeprefix("# "))) if row.get("svname") and row.get("status") is not None
    ]
    found = {row["svname"]: row for row in rows if row["pxname"] == backend}
    if "BACKEND" not in found:
        known = ", ".join(row["pxname"] for row in rows if row["svname"] == "BACKEND") or "none"
        raise TrafficError(f"haproxy: no backend {backend}", hint=f"backends there: {printable(known)}")
    return found


def read_state(text: str, backend: str) -> dict[str, tuple[str, ...]]:
    """Return the backend's lines of `show servers state` by server name."""
    lines = (tuple(line.split()) for line in text.splitlines()[2:])
    return {fields[3]: fields for fields in lines if len(fields) >= _STATE_FIELDS and fields[1] == backend}


def read_backend(name: str, stat: Mapping[str, Mapping[str, str]], state: Mapping[str, tuple[str, ...]]) -> Backend:
    """Return the backend; a server that one of both answers lacks is left out."""
    servers = {
        server: Server(server, row, state[server]) for server, row in stat.items() if server not in _SUMS and server in state
    }
    total = stat["BACKEND"]
    return Backend(name, total.get("mode") or "", total.get("algo") or "", servers)


def counters(servers: Iterable[Server], mode: str) -> SideCounters:
    """Return the counters of one side.

    `hrsp_5xx` is what a server said itself; where it said nothing that HAProxy understood, `eresp` counts. A connection that
    it ended is in `srv_abrt`, often in `eresp`, too. An attempt on the same server again is not a request of its own.
    """
    side = tuple(servers)
    time = "ctime" if mode == "tcp" else "rtime"
    slowest = max((float(server.count(time)) for server in side if server.count("stot")), default=0.0)
    errors = sum(
        server.count("hrsp_5xx")
        + server.count("econ")
        + server.count("wredis")
        + max(server.count("eresp"), server.count("srv_abrt"))
        for server in side
    )
    requests = sum(max(0, server.count("stot") - server.count("wretr")) for server in side)
    return SideCounters(requests=requests, errors=errors, latency_ms=slowest, sessions=sum(server.sessions for server in side))


def still_open(servers: Mapping[str, Server], names: Iterable[str]) -> dict[str, int]:
    """Return what is open on each of these servers; those without are left out."""
    return {name: servers[name].sessions for name in names if servers[name].sessions}


def _number(text: str, what: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise TrafficError(f"haproxy: {what} is {printable(text)[:40]}, not a number") from error
