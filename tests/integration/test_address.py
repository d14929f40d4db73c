"""Real keepalived on hosts of a small network passes the suite of switches; packets prove who had the address."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from migrator.errors import TrafficError
from migrator.ports import TrafficSwitch
from migrator.testbed.addresses import Addresses
from migrator.testbed.arp_watch import watching
from tests.contract.switches import Place, SwitchContract
from tests.support.edges import switch
from tests.support.sandbox import until

SECONDS = 150


@pytest.fixture
def addresses(tmp_path: Path) -> Iterator[Addresses]:
    """Run the hosts."""
    if os.geteuid():
        assert not os.environ.get("CI"), "network namespaces need root"
        pytest.skip("network namespaces need root")
    with ExitStack() as stack:
        yield Addresses(tmp_path, stack)


@pytest.fixture
def moved(addresses: Addresses) -> TrafficSwitch:
    """Return what moves the address."""
    return switch(addresses.config())


class TestKeepalived(SwitchContract):
    """The suite."""

    @pytest.fixture
    def place(self, addresses: Addresses, moved: TrafficSwitch) -> Place:
        """Return the switch, and how a client asks at the address."""
        return Place(moved, addresses.lan.ask)


AT_REST = {"b1": 0, "b2": 0, "g1": -254, "g2": -254}


def test_packets_show_one_holder_at_any_time(addresses: Addresses, moved: TrafficSwitch) -> None:
    """There and back: each question is answered by one host, each hand-over is announced, and announced again after 5 s."""
    blue, green = addresses.lan.mac("b1"), addresses.lan.mac("g1")
    with watching(addresses.lan) as seen:
        until(lambda: len(seen.answers) > 10)
        moved.shift(100)
        until(lambda: len(seen.announcements(green)) >= 10)
        moved.withdraw(end_connections=True)
        until(lambda: len(seen.announcements(blue)) >= 5)
    first = seen.announcements(green)
    assert (seen.most_holders, seen.holders) == (1, [blue, green, blue])
    assert first[9] - first[0] > 4
    assert addresses.files == AT_REST


@pytest.mark.parametrize(
    "number",
    [pytest.param(0, id="its parent", marks=pytest.mark.on_demand), pytest.param(1, id="its VRRP process")],
)
def test_a_keepalived_that_does_not_let_go_is_named(addresses: Addresses, moved: TrafficSwitch, number: int) -> None:
    """It does not do anything any more, and its address is still there: nobody else gets it."""
    stopped = addresses.hosts["b1"].children[number]
    os.kill(stopped, signal.SIGSTOP)
    try:
        with pytest.raises(TrafficError, match=r"b1: keepalived does not answer SIGUSR1"):
            moved.shift(100)
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert addresses.files == AT_REST
    until(lambda: [addresses.holds(name) for name in addresses.hosts] == [True, False, False, False])


@pytest.mark.on_demand
def test_a_file_that_nobody_tracks_is_told_with_the_lines(addresses: Addresses, moved: TrafficSwitch) -> None:
    """The lines of keepalived.conf; with them it works."""
    host = addresses.hosts["g1"]
    good = host.config.read_text()
    host.stop()
    host.config.write_text(good.replace("    track_file {\n        migrator\n    }\n", ""))
    host.start()
    with pytest.raises(TrafficError, match="g1: its keepalived does not track the file") as caught:
        moved.require_shares()
    assert f"file {host.track} ; weight 1 ; init_file -254" in caught.value.hint
    until(lambda: addresses.holds("b1"))
    host.stop()
    host.config.write_text(good)
    host.start()
    assert moved.require_shares()


@pytest.mark.on_demand
def test_a_reboot_keeps_who_may_have_it(addresses: Addresses, moved: TrafficSwitch) -> None:
    """Blue's first host has the higher priority, and comes back without taking the address."""
    moved.shift(100)
    for name in ("b1", "b2", "g2"):
        addresses.hosts[name].stop()
        addresses.hosts[name].start()
    assert moved.read().servers == {"b1": 0, "b2": 0, "g1": 1, "g2": 0}
    addresses.hosts["g1"].stop()  # only the other one of green takes it
    until(lambda: addresses.holds("g2"))


def test_the_way_back_takes_the_address_off_a_dead_keepalived(addresses: Addresses, moved: TrafficSwitch) -> None:
    """Killed with the address on its host; it may come back, and does not take it."""
    moved.shift(100)
    dead = addresses.hosts["g1"]
    parent, child = dead.children
    os.kill(parent, signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    # On a busy machine they are there for a moment more.
    until(lambda: not any(os.path.exists(f"/proc/{pid}/ns/net") for pid in (parent, child)))  # noqa: PTH110 - a process that ends gives ESRCH, too
    withdrawal = moved.withdraw(end_connections=True)
    assert [text.partition(":")[0] for text in withdrawal.missed] == ["g1"]
    assert ([name for name in addresses.hosts if addresses.holds(name)], addresses.lan.ask()) == (["b1"], "blue")
    dead.stop()
    dead.start()
    assert moved.withdraw(end_connections=True).missed == ()
    assert moved.read().servers == {"b1": 1, "b2": 0, "g1": 0, "g2": 0}


@pytest.mark.on_demand
def test_the_way_back_ends_a_keepalived_that_stands_still(addresses: Addresses, moved: TrafficSwitch) -> None:
    """It would keep the address beside blue's host."""
    moved.shift(100)
    stopped = addresses.hosts["g1"].children[1]
    os.kill(stopped, signal.SIGSTOP)
    withdrawal = moved.withdraw(end_connections=True)
    assert "g1: its keepalived was ended" in withdrawal.missed[0]
    assert ([name for name in addresses.hosts if addresses.holds(name)], addresses.lan.ask()) == (["b1"], "blue")


@pytest.mark.on_demand
def test_the_way_back_past_a_host_that_is_gone(addresses: Addresses, moved: TrafficSwitch) -> None:
    """SSH is lost, its keepalived goes on: blue's has the higher priority until somebody has told it."""
    moved.shift(100)
    addresses.servers["g1"].stop()
    withdrawal = switch(addresses.config()).withdraw(end_connections=True)
    assert [text.partition(":")[0] for text in withdrawal.missed] == ["g1"]
    until(lambda: [name for name in addresses.hosts if addresses.holds(name)] == ["b1"])
    assert addresses.lan.ask() == "blue"
