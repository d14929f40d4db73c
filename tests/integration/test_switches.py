"""Every adapter with its real server passes the suite of switches, and what is special about each."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.switches import switch_of
from migrator.config.traffic import Traffic
from migrator.errors import TrafficError
from migrator.ports import TrafficSwitch
from migrator.testbed.balancer import Balancer, Service, balancing
from migrator.testbed.name_server import ZONE, name_server, secondary, write_key
from migrator.testbed.processes import free_ports, is_free, start, stop
from migrator.traffic.dns_server import DnsServer, read_key
from tests.contract.switches import Place, SwitchContract
from tests.support.sandbox import until
from tests.support.sshd import SshServer, ssh_server

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

    def __init__(self, folder: Path, stack: ExitStack, count: int) -> None:
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

    def place(self, config: dict[str, Any]) -> Place:
        """Return the switch of a configuration, and how to ask through it."""
        return Place(switch({"haproxy": {**BACKEND, **config}}), self.ask)

    def ask(self) -> str:
        """Return who answers, whichever instance a client meets."""
        sides = {get(one.port) for one in self.balancers}
        return sides.pop() if len(sides) == 1 else "either"


@pytest.fixture
def edges(tmp_path: Path) -> Iterator[Callable[[int], Edges]]:
    """Run as many HAProxies as are wanted."""
    with ExitStack() as stack:
        yield lambda count: Edges(tmp_path, stack, count)


class TestHAProxyHere(SwitchContract):
    """A socket of this machine."""

    @pytest.fixture
    def place(self, edges: Callable[[int], Edges]) -> Place:
        """Return it."""
        one = edges(1)
        return one.place(one.local(one.balancers[0]))


class TestHAProxyAtAnAddress(SwitchContract):
    """The Runtime API over TCP."""

    @pytest.fixture
    def place(self, edges: Callable[[int], Edges]) -> Place:
        """Return it."""
        one = edges(1)
        return one.place(one.on_tcp(one.balancers[0]))


class TestHAProxyOnAHost(SwitchContract):
    """A socket of a host, over SSH."""

    @pytest.fixture
    def place(self, edges: Callable[[int], Edges]) -> Place:
        """Return it."""
        one = edges(1)
        return one.place(one.on_ssh(one.balancers[0])[0])


def pair_of(two: Edges, **more: Any) -> dict[str, Any]:
    """Return a pair: one at an address, one on this machine."""
    first, second = two.balancers
    return {"instances": [{"name": "lb1", **two.on_tcp(first)}, {"name": "lb2", **two.local(second)}], **more}


class TestPair(SwitchContract):
    """Two instances, as with keepalived."""

    @pytest.fixture
    def place(self, edges: Callable[[int], Edges]) -> Place:
        """Return them."""
        two = edges(2)
        return two.place(pair_of(two))


class TestTwoSwitches(SwitchContract):
    """A list of the file: two HAProxies that do not stand for each other."""

    @pytest.fixture
    def place(self, edges: Callable[[int], Edges]) -> Place:
        """Return them."""
        two = edges(2)
        configs = [{"haproxy": {**BACKEND, **two.local(one)}} for one in two.balancers]
        return Place(switch(*configs), two.ask)


@pytest.mark.parametrize("ending", ["kill", "pause"])
def test_the_way_back_of_a_pair_waits_for_nobody(edges: Callable[[int], Edges], ending: str) -> None:
    """An instance that is gone, or is there and silent, is named; the other leads to blue."""
    two = edges(2)
    place = two.place(pair_of(two))
    place.switch.shift(100)
    dead, living = two.balancers
    process = dead.process
    try:
        if ending == "kill":
            dead.kill()
        else:
            os.kill(process, signal.SIGSTOP)
        withdrawal = place.switch.withdraw(end_connections=True)
        assert [text.partition(":")[0] for text in withdrawal.missed] == ["lb1"]
        assert get(living.port) == "blue"
        with pytest.raises(TrafficError, match=r"^lb1: "):
            place.switch.shift(100)
    finally:
        if ending == "pause":
            os.kill(process, signal.SIGCONT)
    assert get(living.port) == "blue"


def test_an_instance_that_comes_back_with_old_weights_is_seen(edges: Callable[[int], Edges]) -> None:
    """It was away when the others moved; what it has now is no share of theirs."""
    two = edges(2)
    place = two.place(pair_of(two, unreachable="warn"))
    two.balancers[0].kill()
    assert place.switch.shift(100).percents == (100, 100)
    two.balancers[0].start()
    until(lambda: place.switch.read().percents == (0, 100))


def test_a_restart_without_a_state_file_is_told_with_the_lines_to_change(edges: Callable[[int], Edges]) -> None:
    """Where files are out of reach, without what only they say; on a host they are read."""
    two = edges(2)
    at_address, here = two.balancers
    by_address = switch({"haproxy": {**BACKEND, **two.on_tcp(at_address)}})
    by_address.shift(100)
    (told,) = by_address.after_restart()
    assert "`server blue ... weight 0`, `server green ... weight 100`" in told
    by_ssh = switch({"haproxy": {**BACKEND, **two.on_ssh(here)[0]}})
    by_ssh.shift(100)
    assert by_ssh.after_restart() == ()
    here.stop()
    here.start()
    assert by_ssh.read().green_percent == 100
    config = here.folder / "haproxy.cfg"
    config.write_text(config.read_text().replace("load-server-state-from-file global", "load-server-state-from-file none"))
    (told,) = by_ssh.after_restart()
    assert "check inter 500 weight 0`, `server green" in told


def test_a_host_that_is_gone_is_named_and_one_that_comes_back_is_reached(edges: Callable[[int], Edges]) -> None:
    """SSH is lost between two instances: all keep what they have."""
    two = edges(2)
    first, second = two.balancers
    access, server = two.on_ssh(second)
    place = two.place({"instances": [{"name": "lb1", **two.local(first)}, {"name": "lb2", **access}]})
    place.switch.shift(25)
    server.stop()
    with pytest.raises(TrafficError, match=r"^lb2: haproxy: 127\.0\.0\.1:/"):
        place.switch.shift(50)
    assert place.switch.withdraw(end_connections=True).missed[0].startswith("lb2: ")
    assert (get(first.port), switch({"haproxy": {**BACKEND, **two.local(second)}}).read().green_percent) == ("blue", 25)


SHOP = f"shop.{ZONE}"
SIDES = {"127.0.0.2": "blue", "127.0.0.3": "green"}


class Names:
    """A primary and a secondary that is told of changes."""

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


@pytest.fixture
def names(tmp_path: Path) -> Iterator[Callable[..., Names]]:
    """Run name servers."""
    with ExitStack() as stack:
        yield lambda **more: Names(tmp_path, stack, **more)


class TestDns(SwitchContract):
    """Real BIND, a primary and a secondary."""

    @pytest.fixture
    def place(self, names: Callable[..., Names]) -> Place:
        """Return the shop's name."""
        servers = names()
        return Place(switch(servers.config()), servers.ask)


class TestDnsWithHAProxy(SwitchContract):
    """A name and a load balancer that move together."""

    @pytest.fixture
    def place(self, names: Callable[..., Names], edges: Callable[[int], Edges]) -> Place:
        """Return both as one."""
        servers, one = names(), edges(1)
        both = switch({"haproxy": {**BACKEND, **one.local(one.balancers[0])}}, servers.config())

        def ask() -> str:
            sides = {servers.ask(), one.ask()}
            return sides.pop() if len(sides) == 1 else "either"

        return Place(both, ask)


def test_a_wrong_key_is_told_and_nothing_changes(names: Callable[..., Names], tmp_path: Path) -> None:
    """Another secret, another name: the server says which it does not take."""
    servers = names()
    other = tmp_path / "other.key"
    write_key(other)
    unknown = tmp_path / "unknown.key"
    write_key(unknown, "stranger")
    for key in (other, unknown):
        with pytest.raises(TrafficError, match="it does not take the TSIG key") as caught:
            switch(servers.config(keyFile=str(key))).require_shares()
        assert "keyFile" in caught.value.hint
    assert servers.ask() == "blue"


def test_a_read_only_zone_is_told_beforehand(names: Callable[..., Names]) -> None:
    """BIND has no policy that lets the key change it."""
    servers = names(writable=False)
    with pytest.raises(TrafficError, match="it refuses the update"):
        switch(servers.config()).require_shares()
    assert switch(servers.config()).read().green_percent == 0


def test_a_name_that_somebody_else_has_changed_is_refused(names: Callable[..., Names]) -> None:
    """Between the look and the switch."""
    servers = names()
    shop = switch(servers.config())
    assert shop.require_shares()
    servers.update("127.0.0.77")
    for act in (lambda: shop.shift(100), lambda: shop.withdraw(end_connections=True)):
        with pytest.raises(TrafficError, match=r"127\.0\.0\.77, which is neither blue nor green"):
            act()
    assert DnsServer("127.0.0.1", servers.primary.port).records(SHOP, "A").values == {"127.0.0.77"}


def test_a_secondary_that_lags_is_named_until_it_knows(names: Callable[..., Names]) -> None:
    """A step fails, and the way back says which server still leads to green."""
    servers = names(told=False)
    shop = switch(servers.config(propagation="1s"))
    with pytest.raises(TrafficError, match=rf"{servers.secondary.port} still answers 127\.0\.0\.2"):
        shop.shift(100)
    servers.secondary.stop()
    (servers.secondary.folder / "zone").unlink()  # else it would ask after a day: it knows when it has asked last
    servers.secondary.start()
    until(lambda: servers.ask() == "green")
    assert shop.read().percents == (100, 100)
    assert "still answers 127.0.0.3" in shop.withdraw(end_connections=True).missed[0]
    servers.secondary.stop()
    assert shop.withdraw(end_connections=True).missed == ()


def test_a_ttl_is_lowered_at_every_server(names: Callable[..., Names]) -> None:
    """The old one is told, for that long caches keep it."""
    servers = names()
    shop = switch(servers.config(ttl="20s"))
    assert shop.prepare() == 300
    until(lambda: DnsServer("127.0.0.1", servers.secondary.port).records(SHOP, "A").ttl == 20)
    assert shop.abilities().stale_seconds == 20


class TestCname(SwitchContract):
    """A name that stands for another."""

    @pytest.fixture
    def place(self, names: Callable[..., Names]) -> Place:
        """Return it."""
        servers = names()
        config = servers.config(name=f"alias.{ZONE}", type="CNAME", blue=[f"blue.{ZONE}"], green=[f"green.{ZONE}"])

        def ask() -> str:
            (value,) = DnsServer("127.0.0.1", servers.secondary.port).records(f"alias.{ZONE}", "CNAME").values
            return value.partition(".")[0]

        return Place(switch(config), ask)


class TestNginx(SwitchContract):
    """The worked example of a program of one's own: nginx, which has to reload."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Place]:
        """Run nginx before two services."""
        with ExitStack() as stack:
            blue, green = stack.enter_context(services())
            (port,) = free_ports(1)
            (tmp_path / "shop.conf").write_text(
                f"upstream shop {{ server 127.0.0.1:{blue.port} weight=100; server 127.0.0.1:{green.port} down; }}\n"
            )
            (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, port=port))
            program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
            process = start("nginx", [program, "-c", tmp_path / "nginx.conf", "-g", "daemon off;"], tmp_path / "log")
            stack.callback(stop, [process])
            until(lambda: not is_free(port) and (tmp_path / "pid").exists())
            script = str(Path(__file__).parents[2] / "examples/nginx_switch.py")
            files = [str(tmp_path / "shop.conf"), str(tmp_path / "pid")]
            config = {
                "name": "nginx",
                "set": [sys.executable, script, "set", "{percent}", *files],
                "read": [sys.executable, script, "read", *files],
                "timeout": "60s",
            }
            yield Place(switch({"command": config}), lambda: get(port))


NGINX = """\
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
