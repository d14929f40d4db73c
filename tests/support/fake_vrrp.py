"""Hosts that elect who has an address, in memory: what keepalived does with the file that it tracks."""

from __future__ import annotations

from dataclasses import replace

from migrator.config.address import AddressConfig
from migrator.errors import TrafficError
from migrator.traffic.address import Address
from migrator.traffic.keepalived import MAY, MAY_NOT, Seen
from migrator.traffic.vrrp import Vrrp
from tests.support.clock import FakeClock

_HIGHEST = 254
NOW = """\
------< VRRP Topology >------
 VRRP Instance = other
   State = BACKUP
   Virtual Router ID = 7
   Virtual IP (1):
     192.0.2.90/24 dev eth0 scope global
 VRRP Instance = shop
   VRRP Version = 2
   State = BACKUP
   Master router = 192.0.2.11
   Master priority = 254
   Flags: none
   Wantstate = BACKUP
   Interface = eth0
   Gratuitous ARP delay = 7
   Gratuitous ARP refresh = 60
   Gratuitous ARP refresh repeat = 1
   Down timer adverts = 3
   Virtual Router ID = 51
   Priority = 100
   Effective priority = 230
   Advert interval = 1 sec
   Virtual IP (2):
     192.0.2.9/24 dev eth0 scope global set
     2001:db8::9/64 dev eth0 scope global
   Tracked files :
     migrator, weight 1
------< VRRP Track files >------
 Track file = stranger
   File = /etc/keepalived/other
   Tracking instances :
     other, weight 1
 Track file = migrator
   File = /etc/keepalived/migrator
   Status = 130
   Weight = 1
   Tracking instances :
     shop, weight 1
------< Interfaces >------
 Name = eth0
   State = UP, RUNNING
"""
"""What keepalived 2.2 writes on SIGUSR1, in part."""


def vrrp(**more: object) -> Vrrp:
    """Return what a keepalived says."""
    given = Vrrp("shop", 51, "BACKUP", 100, 100, 1.0, 3, 5.0, repeats=True, heard=0, tracked=True)
    return replace(given, **more)  # type: ignore[arg-type]


class FakeGroup:
    """Hosts of one virtual router."""

    def __init__(self) -> None:
        self.hosts: dict[str, FakeHost] = {}
        self.moves: list[str] = []
        """Who got the address, in order."""

    def host(self, name: str, priority: int, value: int) -> FakeHost:
        """Add a host."""
        self.hosts[name] = FakeHost(self, name, priority, value)
        return self.hosts[name]

    def elect(self) -> None:
        """Let keepalived on each host do its part."""
        able = [host for host in self.hosts.values() if host.runs and not host.stuck and host.file > MAY_NOT]
        stuck = [host for host in self.hosts.values() if host.stuck and host.holds]
        winner = max(able, key=lambda host: (host.effective, host.holds), default=None)
        for host in self.hosts.values():
            had = host.holds
            host.holds = host in stuck or (not stuck and host is winner)
            if host.holds and not had:
                self.moves.append(host.name)


class FakeHost:
    """Fills the `Holder` protocol."""

    def __init__(self, group: FakeGroup, name: str, priority: int, value: int) -> None:
        self.group, self.name, self.priority, self.file = group, name, priority, value
        self.holds = False
        self.runs = True
        self.mute = False
        """Whether the host does not answer; its keepalived goes on."""
        self.stuck = False
        """Whether its keepalived keeps what it has."""
        self.deaf = False
        """Whether it hears nobody."""
        self.lasting = True
        self.trouble = ""
        """Why its keepalived does not answer."""
        self.says: dict[str, object] = {}
        self.values: list[int] = []
        """What was written."""

    @property
    def effective(self) -> int:
        """The priority that counts."""
        return max(1, min(_HIGHEST, self.priority + self.file))

    def look(self, *, ask: bool = True) -> Seen:
        """Return what it has."""
        if self.mute:
            raise TrafficError(f"{self.name} at 192.0.2.1: no route to host")
        self.group.elect()
        state = "FAULT" if self.file <= MAY_NOT else "MASTER" if self.holds else "BACKUP"
        holder = next((host for host in self.group.hosts.values() if host.holds), None)
        heard = holder.effective if holder and not self.deaf else 0
        said = {"state": state, "priority": self.priority, "effective": self.effective, "heard": heard, **self.says}
        asked = ask and not self.trouble
        return Seen(self.holds, self.file, self.lasting, vrrp(**said) if asked else None, self.trouble if ask else "")

    def write(self, value: int, *, ask: bool = False) -> Seen:
        """Write and look."""
        if not self.mute:
            self.file = value
            self.values.append(value)
        return self.look(ask=ask)

    def write_and_wait(self, value: int, *, holds: bool, seconds: float) -> Seen:
        """Write and look: the election takes no time."""
        del holds, seconds
        return self.write(value)

    def end(self) -> None:
        """End its keepalived."""
        self.file, self.runs, self.stuck, self.trouble = MAY_NOT, False, False, "keepalived does not run"
        self.group.elect()


def two_sides() -> tuple[FakeGroup, dict[str, FakeHost], dict[str, FakeHost]]:
    """Return a group whose address is on blue: two hosts on each side."""
    group = FakeGroup()
    blue = {"b1": group.host("b1", 150, MAY), "b2": group.host("b2", 140, MAY)}
    green = {"g1": group.host("g1", 90, MAY_NOT), "g2": group.host("g2", 160, MAY_NOT)}
    group.elect()
    group.moves.clear()
    return group, blue, green


class Sides:
    """A switch over four hosts in memory."""

    def __init__(self) -> None:
        self.group, self.blue, self.green = two_sides()
        sides = {
            side: [{"name": name, "ssh": {"address": f"{name}.example"}} for name in hosts]
            for side, hosts in (("blue", self.blue), ("green", self.green))
        }
        self.config = AddressConfig.model_validate({"ip": "192.0.2.9", **sides})
        self.switch = Address(self.config, self.blue, self.green, patience=5.0, clock=FakeClock())

    @property
    def holders(self) -> list[str]:
        """Who has the address now."""
        self.group.elect()
        return [host.name for host in self.group.hosts.values() if host.holds]

    @property
    def files(self) -> dict[str, int]:
        """What each host was told."""
        return {name: host.file for name, host in self.group.hosts.items()}
