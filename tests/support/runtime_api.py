"""HAProxy's Runtime API as far as one backend goes, on a real unix socket."""

from __future__ import annotations

import re
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.threads import in_thread

COLUMNS = "pxname,svname,stot,scur,hrsp_5xx,econ,eresp,wretr,wredis,srv_abrt,rtime,ctime,status,bck,check_status,last_chk,mode,algo"
FIELDS = (
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change "
    "srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn "
    "srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port"
)
_ADMIN = {"ready": 0, "maint": 1, "drain": 8}
# Inherited from a tracked server, and by DNS: no command to the server changes them.
_NOT_BY_COMMAND = 0x32


@dataclass(slots=True)
class FakeServer:
    """One server of the backend."""

    weight: int
    admin: int = 0
    sessions: int = 0
    status: str = "UP"
    stays: bool = False
    """Whether its connections stay when they are told to end."""
    asked: int = 0
    """Requests since the beginning of a test."""


class FakeHAProxy:
    """Answers commands on the socket `s` of its folder; a test says what goes wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers = {"blue": FakeServer(100), "green": FakeServer(0)}
        self.algorithm = "roundrobin"
        self.commands: list[str] = []
        """Those that change something, without the backend's name."""
        self.answers: dict[str, str] = {}
        """Beginning of a command to the answer that it gets instead."""
        self.deaf = False
        """Takes weights and keeps the old ones."""

    def ask(self) -> str:
        """Return which server answers a request: the one with the highest weight that counts."""
        name = max(self.servers, key=lambda name: 0 if self.servers[name].admin else self.servers[name].weight)
        self.servers[name].asked += 1
        return name

    def line(self, commands: list[str]) -> str:
        """Answer one line of commands: all of them go to the same process."""
        return "".join(map(self.answer, commands))

    def answer(self, command: str) -> str:
        """Answer one command."""
        for beginning, answer in self.answers.items():
            if command.startswith(beginning):
                return answer
        if command == "show stat":
            return self._stat()
        if command.startswith("show servers state"):
            return self._state() if command.endswith(" shop") else "Can't find backend.\n\n"
        if command == "show cli level":
            return "admin\n\n"
        if command in ("show peers", "show info"):
            return "\n" if command == "show peers" else "Name: HAProxy\n\n"
        self.commands.append(command.replace("shop/", ""))
        return self._change(command)

    def _change(self, command: str) -> str:
        found = re.fullmatch(r"set server shop/(\w+) (weight|state) (\w+)", command)
        if found and not self.deaf:
            server = self.servers[found[1]]
            if found[2] == "weight":
                server.weight = int(found[3])
            else:
                server.admin = server.admin & _NOT_BY_COMMAND | _ADMIN[found[3]]
        ended = re.fullmatch(r"shutdown sessions server shop/(\w+)", command)
        if ended and not self.servers[ended[1]].stays:
            self.servers[ended[1]].sessions = 0
        return "\n"

    def _stat(self) -> str:
        rows = [
            f"shop,{name},{20 + server.asked},{server.sessions},1,2,0,0,0,0,{30 + number},3,{server.status},0,L7OK,,http,"
            for number, (name, server) in enumerate(self.servers.items())
        ]
        total = f"shop,BACKEND,,,,,,,,,,,UP,0,,,http,{self.algorithm}"
        return "\n".join(["# " + COLUMNS, *rows, total, "", ""])

    def _state(self) -> str:
        rows = [
            f"3 shop {number} {name} 127.0.0.1 2 {server.admin} {server.weight} 1 5 15 3 4 6 0 0 0 - 80 - 0 0 - - 0"
            for number, (name, server) in enumerate(self.servers.items())
        ]
        return "\n".join(["1", "# " + FIELDS, *rows, "", ""])


@contextmanager
def answering(haproxy: FakeHAProxy) -> Iterator[FakeHAProxy]:
    """Serve on its socket: one line of commands a connection, as HAProxy does without a prompt."""

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            """Answer each command of a line."""
            self.wfile.write(haproxy.line(self.rfile.readline().decode().strip().split(";")).encode("latin-1"))

    with socketserver.ThreadingUnixStreamServer(str(haproxy.folder / "s"), Answer) as server, in_thread(server):
        yield haproxy
