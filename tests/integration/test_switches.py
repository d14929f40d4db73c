"""Every adapter with its real server passes the suite of switches, and what is special about each."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from migrator.errors import TrafficError
from migrator.model.traffic import FileChange
from migrator.testbed.knot import knot
from migrator.testbed.name_server import ZONE, name_server, write_key
from migrator.traffic.dns_server import DnsServer
from tests.contract.switches import Place, SwitchContract
from tests.support.edges import BACKEND, SHOP, SIDES, Edges, Names, Nginx, get, switch
from tests.support.objects import config_map
from tests.support.sandbox import Sandbox, until


def place_of(edges: Edges, config: dict[str, Any]) -> Place:
    """Return the switch of a configuration of HAProxy, and how to ask through it."""
    return Place(switch({"haproxy": {**BACKEND, **config}}), edges.ask)


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
        return place_of(one, one.local(one.balancers[0]))


class TestHAProxyAtAnAddress(SwitchContract):
    """The Runtime API over TCP."""

    @pytest.fixture
    def place(self, edges: Callable[[int], Edges]) -> Place:
        """Return it."""
        one = edges(1)
        return place_of(one, one.on_tcp(one.balancers[0]))


class TestHAProxyOnAHost(SwitchContract):
    """A socket of a host, over SSH."""

    @pytest.fixture
    def place(self, edges: Callable[[int], Edges]) -> Place:
        """Return it."""
        one = edges(1)
        return place_of(one, one.on_ssh(one.balancers[0])[0])


class TestPair(SwitchContract):
    """Two instances, as with keepalived."""

    @pytest.fixture
    def place(self, edges: Callable[[int], Edges]) -> Place:
        """Return them."""
        two = edges(2)
        return place_of(two, two.pair())


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
    place = place_of(two, two.pair())
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
    """It was away when the others moved; what it has now is none of their shares."""
    two = edges(2)
    place = place_of(two, two.pair(unreachable="warn"))
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


@pytest.mark.parametrize("where", ["here", "there"])
def test_the_configuration_of_the_next_start_is_written_where_that_is_asked(edges: Callable[[int], Edges], where: str) -> None:
    """HAProxy has proven it, a restart takes it, and the way back gives the bytes that were there; a link to it stays one."""
    one = edges(1)
    (balancer,) = one.balancers
    real, config = balancer.folder / "real.cfg", balancer.folder / "haproxy.cfg"
    text = config.read_text().replace("load-server-state-from-file global", "load-server-state-from-file none")
    real.write_text(text)
    config.unlink()
    config.symlink_to(real)
    place = one.local(balancer) if where == "here" else one.on_ssh(balancer)[0]
    changing = switch({"haproxy": {**BACKEND, **place, "stateFile": "", "configuration": "write"}})
    announced: list[FileChange] = []
    assert [notice for notice in changing.require_shares() if "real.cfg.before-migrator keeps it as it was" in notice]
    changing.shift(100)
    assert (changing.after_restart(announced.append), changing.after_restart()) == ((), ())
    assert [change.shares for change in announced] == [{"blue": 0, "green": 100}]
    balancer.stop()
    balancer.start()
    assert (changing.read().green_percent, get(balancer.port), config.is_symlink()) == (100, "green", True)
    changing.withdraw(end_connections=True)
    assert changing.after_restart(announced.append) == ()
    assert (real.read_text(), sorted(path.name for path in balancer.folder.glob("*real*"))) == (
        text,
        ["real.cfg", "real.cfg.before-migrator"],
    )
    real.write_text(text.replace("balance roundrobin", "balance nonsense"))
    changing.shift(100)
    with pytest.raises(TrafficError, match=r"haproxy -c: .*balance only supports"):
        changing.after_restart(announced.append)
    assert "balance nonsense" in real.read_text()


def test_a_host_that_is_gone_is_named_and_one_that_comes_back_is_reached(edges: Callable[[int], Edges]) -> None:
    """SSH is lost between two instances: all keep what they have."""
    two = edges(2)
    first, second = two.balancers
    access, server = two.on_ssh(second)
    place = place_of(two, {"instances": [{"name": "lb1", **two.local(first)}, {"name": "lb2", **access}]})
    place.switch.shift(25)
    server.stop()
    with pytest.raises(TrafficError, match=r"^lb2: haproxy: 127\.0\.0\.1:/"):
        place.switch.shift(50)
    assert place.switch.withdraw(end_connections=True).missed[0].startswith("lb2: ")
    assert (get(first.port), switch({"haproxy": {**BACKEND, **two.local(second)}}).read().green_percent) == ("blue", 25)


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


class TestKnot(SwitchContract):
    """Real Knot: another server's idea of prerequisites and updates."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Place]:
        """Return the shop's name."""
        with knot(tmp_path / "knot", "shop IN A 127.0.0.2\n") as server:
            own = {"server": server.address, "servers": [server.address], "keyFile": str(server.key)}
            name = {"name": SHOP, "zone": ZONE, "blue": ["127.0.0.2"], "green": ["127.0.0.3"], **own}

            def ask() -> str:
                (address,) = DnsServer("127.0.0.1", server.port).records(SHOP, "A").values
                return SIDES[address]

            yield Place(switch({"dns": name}), ask)


def test_a_zone_that_is_signed_inline_moves(tmp_path: Path) -> None:
    """BIND takes an update at once, and answers from the signed copy a moment later."""
    with name_server(tmp_path / "bind", "shop IN A 127.0.0.2\n", signed=True) as server:
        own = {"server": server.address, "servers": [server.address], "keyFile": str(server.key)}
        moved = switch({"dns": {"name": SHOP, "zone": ZONE, "blue": ["127.0.0.2"], "green": ["127.0.0.3"], **own}})
        moved.require_shares()
        assert moved.shift(100).green_percent == 100
        assert moved.withdraw(end_connections=True).reading.green_percent == 0
        assert DnsServer("127.0.0.1", server.port).records(SHOP, "A").values == {"127.0.0.2"}


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
            edge = Nginx(tmp_path / "nginx", stack)
            yield Place(switch(edge.config), lambda: get(edge.port))


def test_a_migration_through_a_name(sandbox: Sandbox, names: Callable[..., Names]) -> None:
    """The plan tells the TTL, prepare lowers it, a step is watched for it, and a rollback says who may stay behind."""
    servers = names()
    probe = {"name": "front", "command": ["true"]}
    sandbox.configure(traffic={**servers.config(ttl="1s"), "soak": "0s"}, probes=[probe])
    sandbox.on_blue(config_map("a"))
    planned = sandbox.run("plan")
    assert "clients may stay behind for 300 s after each step and after a rollback" in planned.err
    prepared = sandbox.json("prepare")
    assert (prepared.code, prepared.document["staleSeconds"]) == (0, 1), prepared.err
    for verb in ("copy", "validate"):
        assert sandbox.run(verb).code == 0
    # What was there before is forgotten after five minutes; a journal of yesterday says so.
    path = sandbox.journal
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line.replace('"seconds":300.0', '"seconds":0.0') for line in lines))
    done = sandbox.run("cutover", "--yes")
    assert done.code == 0, done.err
    assert f"A {SHOP} has no request counters: the probes judge each step (front)" in done.err
    assert servers.ask() == "green"
    back = sandbox.run("rollback")
    assert (back.code, servers.ask()) == (0, "blue"), back.err
    assert "clients may stay behind on green for up to 1 s" in back.err


def test_steps_that_a_name_cannot_have_are_one_line(sandbox: Sandbox, names: Callable[..., Names]) -> None:
    """With what it can have, before anything is asked."""
    sandbox.configure(traffic={**names().config(), "steps": [5, 100]})
    done = sandbox.run("cutover", "--yes")
    assert done.code == 2
    assert "cannot have 5 % on green, only 0, 50, 100: correct steps" in done.err


@pytest.mark.parametrize("ending", ["kill", "pause"])
def test_a_rollback_beside_a_dead_instance(sandbox: Sandbox, edges: Callable[[int], Edges], ending: str) -> None:
    """The exit code says that something is left, and again finishes."""
    two = edges(2)
    sandbox.configure(traffic={"haproxy": {**BACKEND, **two.pair()}, "steps": [100], "soak": "0s"}, gates={"minRequests": 0})
    sandbox.on_blue(config_map("a"))
    for verb in (("copy",), ("validate",), ("cutover", "--yes")):
        done = sandbox.run(*verb)
        assert done.code == 0, done.err
    dead, living = two.balancers
    process = dead.process
    if ending == "kill":
        dead.kill()
    else:
        os.kill(process, signal.SIGSTOP)
    try:
        back = sandbox.json("rollback")
    finally:
        if ending == "pause":
            os.kill(process, signal.SIGCONT)
    assert (back.code, get(living.port)) == (4, "blue"), back.err
    (left,) = back.document["undone"]
    assert left.startswith("lb1: ")
    assert left.endswith("it will send traffic to green if it takes over")
    if ending == "kill":
        dead.start()
    again = sandbox.json("rollback")
    assert (again.code, again.document["undone"], two.ask()) == (0, [], "blue"), again.err
