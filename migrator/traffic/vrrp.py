"""What keepalived says of one address, read from the data that it writes on SIGUSR1. Reads text only.

Source for the lines: keepalived, vrrp/vrrp_data.c and vrrp/vrrp_track.c, versions 2.0.19 to 2.4.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from migrator.errors import TrafficError
from migrator.untrusted import printable

_HEAD = re.compile(r"^ (?:VRRP )?(?P<kind>Instance|Track file) = (?P<name>\S+)$")
_FIELD = re.compile(r"^   (?P<key>[A-Za-z0-9 -]+?) = (?P<value>.*)$")
# After the address: a broadcast address, a peer, and what follows the device (vrrp/vrrp_ipaddress.c: format_ipaddress).
_ADDRESS = re.compile(r"^     (?P<ip>[0-9A-Fa-f:.]+)(/\d+)?( \S+ \S+)* dev ")
_TRACKING = re.compile(r"^     (?P<name>\S+), weight (?P<weight>-?\d+)(?P<reverse> reverse)?")
_NUMBER = re.compile(r"-?\d+")
_SECTION = "------<"
# Skew time = (256 - priority) / 256 of the interval (RFC 9568, 6.1).
_PRIORITIES = 256


@dataclass(slots=True, frozen=True)
class Vrrp:
    """The VRRP instance that an address belongs to."""

    name: str
    router: int
    """Its virtual router id: hosts with the same one agree on who has the address."""
    state: str
    """MASTER, BACKUP, FAULT, or INIT."""
    priority: int
    """The one in the configuration."""
    effective: int
    """The one that counts now; in FAULT the last one that counted."""
    interval: float
    """Seconds between two announcements of who has the address."""
    lost_after: int
    """How many announcements may be missing before another host takes the address."""
    announces_again: float
    """Seconds until the holder tells its neighbours once more that it has the address."""
    repeats: bool
    """Whether it tells them from time to time."""
    heard: int
    """The priority of the holder that a host in BACKUP has heard last; 0 for none."""
    tracked: bool
    """Whether the file decides: a weight of 1, so that its number is added to the priority."""

    @property
    def takes_after(self) -> float:
        """Seconds until it takes the address when the holder is silent (RFC 5798, 6.1: Master_Down_Interval)."""
        return self.lost_after * self.interval + self.pause(self.effective)

    def pause(self, priority: int) -> float:
        """Return the seconds until a host of this priority takes what was released (RFC 5798, 6.1: Skew_Time)."""
        return (_PRIORITIES - priority) / _PRIORITIES * self.interval

    def priority_for(self, seconds: float) -> int:
        """Return the priority that makes a host take what was released after this time, below the highest."""
        # Below 254, which the holder has meanwhile: it keeps the address until it lets go. 255 is the owner's.
        return max(1, min(_PRIORITIES - 3, _PRIORITIES - round(_PRIORITIES * seconds / self.interval)))


def read_vrrp(text: str, ip: str, track_file: str) -> Vrrp:
    """Return the instance that has this address; raises TrafficError when none has, or more than one."""
    blocks = list(_blocks(text.splitlines()))
    wanted = ipaddress.ip_address(ip)
    found = [block for block in blocks if block.kind == "Instance" and wanted in block.addresses]
    if len(found) != 1:
        names = ", ".join(block.name for block in blocks if block.kind == "Instance") or "none"
        many = f"{len(found)} VRRP instances have" if found else "no VRRP instance has"
        raise TrafficError(f"{many} {ip}", hint=f"instances there: {printable(names)[:200]}; `virtual_ipaddress` names it in one")
    instance = found[0]
    weights = [
        block.weights.get(instance.name)
        for block in blocks
        if block.kind == "Track file" and block.fields.get("File") == track_file
    ]
    fields = instance.fields
    milliseconds = "milli" in fields.get("Advert interval", "")
    return Vrrp(
        name=instance.name,
        router=_number(fields, "Virtual Router ID"),
        state=fields.get("State", "").upper(),
        priority=_number(fields, "Priority"),
        effective=_number(fields, "Effective priority"),
        interval=max(_number(fields, "Advert interval") / (1000 if milliseconds else 1), 0.01),
        lost_after=_number(fields, "Down timer adverts", 3),
        announces_again=float(_number(fields, "Gratuitous ARP delay", 5)),
        repeats=_number(fields, "Gratuitous ARP refresh", 0) > 0,
        heard=_number(fields, "Master priority", 0),
        tracked=weights == ["1"],
    )


class _Block:
    """What follows one heading."""

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name
        self.fields: dict[str, str] = {}
        self.addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
        self.weights: dict[str, str] = {}
        """Weight of the file by instance that tracks it."""

    def take(self, line: str) -> None:
        """Add one line."""
        if field := _FIELD.match(line):
            self.fields.setdefault(field["key"], field["value"].strip())
        elif tracking := _TRACKING.match(line):
            self.weights[tracking["name"]] = tracking["weight"] + (tracking["reverse"] or "")
        elif address := _ADDRESS.match(line):
            try:
                self.addresses.append(ipaddress.ip_address(address["ip"]))
            except ValueError:
                return


def _blocks(lines: list[str]) -> Iterator[_Block]:
    block: _Block | None = None
    for line in lines:
        head = _HEAD.match(line)
        if head or line.startswith(_SECTION):
            if block:
                yield block
            block = _Block(head["kind"], head["name"]) if head else None
        elif block:
            block.take(line)
    if block:
        yield block


def _number(fields: dict[str, str], key: str, default: int | None = None) -> int:
    found = _NUMBER.match(fields.get(key, ""))
    if found:
        return int(found[0])
    if default is None:
        raise TrafficError(f"keepalived tells no {key}", hint="versions 2.0.19 and later are known")
    return default
