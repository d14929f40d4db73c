"""What traffic moves through in the demo: HAProxy, a name in a real BIND, or an address of real keepalived."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.errors import MigratorError
from migrator.testbed.addresses import Addresses
from migrator.testbed.balancer import Load, Service, balanced, load
from migrator.testbed.lan import ADDRESS, PORT, within
from migrator.testbed.name_server import ZONE, name_server
from migrator.testbed.processes import free_ports
from migrator.testbed.waiting import wait
from migrator.traffic.dns_server import DnsServer

_MOVES, _CLIENTS = 3, 4


@dataclass(slots=True, frozen=True)
class Edge:
    """What leads clients to blue or to green."""

    traffic: dict[str, Any]
    """How migration.yaml says it."""
    probe: dict[str, Any]
    """What asks green itself: clients are led to blue until the cutover."""
    loaded: Callable[[], AbstractContextManager[Load]]
    """Sends requests until the block ends."""
    may_fail: int = 0
    """Requests that fail because a move ends the connections that they are on."""


@contextmanager
def haproxy(folder: Path) -> Iterator[Edge]:
    """Run HAProxy before two services."""
    with balanced(folder / "haproxy") as (balancer, _, green):
        places = {"socket": str(balancer.socket), "stateFile": str(balancer.state_file)}
        servers = {"backend": "shop", "blue": ["blue"], "green": ["green"]}
        traffic = {"haproxy": {**places, **servers}, "steps": [5, 25, 50, 100], "soak": "3s"}
        _await(f"http://127.0.0.1:{balancer.port}/", f"see `haproxy -db -f {balancer.folder / 'haproxy.cfg'}`")
        yield Edge(traffic, _asks(f"http://127.0.0.1:{green.port}/"), lambda: load(balancer.port))


@contextmanager
def dns(folder: Path) -> Iterator[Edge]:
    """Run BIND with a name, and a service at the address of each side."""
    with ExitStack() as stack:
        server = stack.enter_context(name_server(folder / "bind", "shop 1 IN A 127.0.0.2\n"))
        (port,) = free_ports(1)
        for side, address in (("blue", "127.0.0.2"), ("green", "127.0.0.3")):
            stack.callback(Service(side, address=address, port=port).close)
        name = {"name": f"shop.{ZONE}", "zone": ZONE, "blue": ["127.0.0.2"], "green": ["127.0.0.3"], "ttl": "1s"}
        traffic = {"dns": {**name, "server": server.address, "servers": [server.address], "keyFile": str(server.key)}, "soak": "3s"}

        def now() -> str:
            return min(DnsServer("127.0.0.1", server.port).records(f"shop.{ZONE}", "A").values)

        yield Edge(traffic, _asks(f"http://127.0.0.3:{port}/"), lambda: load(port, address=now))


@contextmanager
def vip(folder: Path) -> Iterator[Edge]:
    """Run keepalived on two hosts of each side, in network namespaces; the clients are in another one."""
    with ExitStack() as stack:
        hosts = Addresses(folder / "hosts", stack)
        client = hosts.lan.namespace("client")
        green = f"http://{hosts.lan.addresses('g1')[0]}:{PORT}/"
        ask = f"import urllib.request; urllib.request.urlopen({green!r}, timeout=5)"
        probe = {"name": "front page", "command": ["ip", "netns", "exec", client, sys.executable, "-c", ask]}

        @contextmanager
        def loaded() -> Iterator[Load]:
            clients = load(PORT, address=lambda: ADDRESS, clients=_CLIENTS)
            seen = within(client, clients.__enter__)
            try:
                yield seen
            finally:
                clients.__exit__(None, None, None)

        yield Edge(hosts.config() | {"soak": "3s"}, probe, loaded, may_fail=_MOVES * _CLIENTS)


KINDS: dict[str, Callable[[Path], AbstractContextManager[Edge]]] = {"haproxy": haproxy, "dns": dns, "vip": vip}


def _asks(url: str) -> dict[str, Any]:
    return {"name": "front page", "http": {"url": url}}


def _await(url: str, hint: str) -> None:
    """Wait until HAProxy has found its servers healthy: from here on each request that fails is counted."""

    def answers() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    wait(answers, lambda: MigratorError("the front page does not answer", hint=hint))
