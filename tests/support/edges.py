"""Real switches on loopback, each before two services that stand for blue and green, and how migration.yaml says where they are."""

from __future__ import annotations

import http.client
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from migrator.config.traffic import Traffic
from migrator.ports import TrafficSwitch
from migrator.testbed.balancer import Balancer, Service, balancing
from migrator.testbed.name_server import ZONE, name_server, secondary
from migrator.testbed.processes import free_ports, is_free, start, stop
from migrator.testbed.sshd import SshServer, ssh_server
from migrator.traffic.dns_server import DnsServer, read_key
from migrator.wiring.switches import switch_of
from tests.support.sandbox import until

BACKEND = {"backend": "shop", "blue": ["blue"], "green": ["green"]}


def switch(*configs: dict[str, Any]) -> TrafficSwitch:
    """Return what the file builds."""
    built = switch_of([Traffic.model_validate(config) for config in configs], relative_to=Path())
    assert built is not None
    return built


def get(port: int) -> str:
    """Return who answers a new client."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode().strip()
    finally:
        connection.close()


@contextmanager
def services() -> Iterator[tuple[Service, Service]]:
    """Run what stands for blue and green."""
    blue, green = Service("blue"), Service("green")
    try:
        yield blue, green
    finally:
        blue.close()
        green.close()


class Edges:
    """HAProxies before the same two services, and an SSH server."""

    def __init__(self, folder: Path, stack: ExitStack, count: int, places: dict[str, str] | None = None) -> None:
        """`places` are the addresses of other services that stand for blue and green."""
        if places is None:
            blue, green = stack.enter_context(services())
            places = {"blue": f"127.0.0.1:{blue.port}", "green": f"127.0.0.1:{green.port}"}
        self.balancers = [stack.enter_context(balancing(folder / f"lb{number}", **places)) for number in range(count)]
        self.folder = folder
        self.stack = stack
        self.addresses: list[str] = []

    def on_tcp(self, balancer: Balancer) -> dict[str, str]:
        """Let it listen on an address, too, and return how the file says so."""
        (port,) = free_ports(1)
        config = balancer.folder / "haproxy.cfg"
        config.write_text(
            config.read_text().replace("global\n", f"global\n    stats socket ipv4@127.0.0.1:{port} level admin\n", 1)
        )
        balancer.stop()
        balancer.start()
        return {"address": f"127.0.0.1:{port}"}

    def on_ssh(self, balancer: Balancer) -> tuple[dict[str, Any], SshServer]:
        """Return how the file says that it is reached over SSH."""
        server = self.stack.enter_context(ssh_server(self.folder / "ssh"))
        return {**self.local(balancer), "ssh": server.access}, server

    @staticmethod
    def local(balancer: Balancer) -> dict[str, str]:
        """Return how the file says that it is on this machine."""
        return {"socket": str(balancer.socket), "stateFile": str(balancer.state_file)}

    def pair(self, **more: Any) -> dict[str, Any]:
        """Return how the file says that there are two: one at an address, one on this machine."""
        first, second = self.balancers
        return {"instances": [{"name": "lb1", **self.on_tcp(first)}, {"name": "lb2", **self.local(second)}], **more}

    def ask(self) -> str:
        """Return who answers, whichever instance a client meets."""
        sides = {get(one.port) for one in self.balancers}
        return sides.pop() if len(sides) == 1 else "either"


SHOP = f"shop.{ZONE}"
SIDES = {"127.0.0.2": "blue", "127.0.0.3": "green"}


class Names:
    """A primary and a secondary that is told of changes."""

    shop = SHOP

    def __init__(self, folder: Path, stack: ExitStack, *, told: bool = True, writable: bool = True) -> None:
        (port,) = free_ports(1)
        records = "shop IN A 127.0.0.2\nalias IN CNAME blue\nother IN A 127.0.0.2\n"
        self.primary = stack.enter_context(
            name_server(folder / "primary", records, writable=writable, notifies=port if told else 0)
        )
        self.secondary = stack.enter_context(secondary(folder / "secondary", self.primary, port=port))

    def config(self, **more: Any) -> dict[str, Any]:
        """Return what the file says."""
        given = {"name": SHOP, "zone": ZONE, "blue": ["127.0.0.2"], "green": ["127.0.0.3"], "server": self.primary.address}
        return {"dns": {**given, "servers": [self.secondary.address], "keyFile": str(self.primary.key), **more}}

    def ask(self) -> str:
        """Return where a client goes that has nothing in its cache, whichever server its resolver asks."""
        found = {frozenset(DnsServer("127.0.0.1", one.port).records(SHOP, "A").values) for one in (self.primary, self.secondary)}
        values = frozenset.union(*found)
        return SIDES[next(iter(values))] if len(values) == 1 else "either"

    def update(self, *values: str) -> None:
        """Change the shop's address as somebody else does."""
        server, key = DnsServer("127.0.0.1", self.primary.port), read_key(self.primary.key)
        now = server.records(SHOP, "A")
        server.change(ZONE, key, SHOP, "A", now, now._replace(values=frozenset(values)))

    def serve(self, stack: ExitStack) -> int:
        """Run a service at the address of each side; return their port."""
        (port,) = free_ports(1)
        for address, side in SIDES.items():
            stack.callback(Service(side, address=address, port=port).close)
        return port


class Nginx:
    """Nginx before two services, and the program that moves its traffic."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        folder.mkdir()
        blue, green = stack.enter_context(services())
        (self.port,) = free_ports(1)
        conf, pid = folder / "shop.conf", folder / "pid"
        conf.write_text(f"upstream shop {{ server 127.0.0.1:{blue.port} weight=100; server 127.0.0.1:{green.port} down; }}\n")
        (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=self.port))
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
        process = start("nginx", [program, "-c", folder / "nginx.conf", "-g", "daemon off;"], folder / "log")
        stack.callback(stop, [process])
        until(lambda: not is_free(self.port) and pid.exists())
        script = [sys.executable, str(Path(__file__).parents[2] / "examples/nginx_switch.py")]
        self.config = {
            "command": {
                "name": "nginx",
                "set": [*script, "set", "{percent}", str(conf), str(pid)],
                "read": [*script, "read", str(conf), str(pid)],
                "timeout": "60s",
            }
        }


_NGINX = """\
pid {folder}/pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/shop.conf;
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://shop; }} }}
}}
"""
