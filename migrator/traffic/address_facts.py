"""What hosts that may hold an address have said, and what keeps them from handing it over. Reads values only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from migrator.config.address import AddressConfig
from migrator.errors import TrafficError
from migrator.traffic.keepalived import MAY, MAY_NOT, Seen
from migrator.traffic.vrrp import Vrrp

# Of the owner of an address, for whom keepalived ignores weights (RFC 9568, 5.2.4; vrrp.c: vrrp_complete_instance).
_OWNER = 255


@dataclass(slots=True, frozen=True)
class Hosts:
    """One look at all hosts."""

    seen: Mapping[str, Seen]
    silent: Mapping[str, Exception]
    """Those that did not answer, on the way back."""

    def holder(self, side: Collection[str]) -> str:
        """Return who of a side has the address; raises TrafficError when that is not one host."""
        holders = [name for name in side if name in self.seen and self.seen[name].holds]
        if len(holders) != 1:
            raise TrafficError(f"the address is on {' and '.join(holders) or 'no host'} of this side", hint="see keepalived's log")
        return holders[0]

    def first(self, side: Collection[str]) -> str:
        """Return who of a side takes the address: it has the highest priority, and keeps the address when all may hold it."""
        living = [name for name in side if name in self.seen and self.seen[name].vrrp]
        if not living:
            raise TrafficError(f"no keepalived answers on {', '.join(side)}")
        return max(living, key=lambda name: self.vrrp(name).priority)

    def vrrp(self, name: str) -> Vrrp:
        """Return what its keepalived said."""
        found = self.seen[name].vrrp
        if found is None:
            raise TrafficError(f"{name}: keepalived was not asked")
        return found


def require_able(hosts: Hosts, config: AddressConfig) -> None:
    """Raise TrafficError unless exactly one host has the address, and the files decide who may."""
    for text, hint in _obstacles(hosts, config):
        raise TrafficError(f"{config.places[0]}: {text}", hint=hint)


def _obstacles(hosts: Hosts, config: AddressConfig) -> Iterator[tuple[str, str]]:
    for name in hosts.seen:
        if hosts.vrrp(name).priority == _OWNER:
            yield f"{name}: its priority is {_OWNER}, with which keepalived ignores the file", "`priority 254` or less there"
        if not hosts.vrrp(name).tracked:
            yield f"{name}: its keepalived does not track the file", standby_lines(config, name)
    routers = {name: hosts.vrrp(name).router for name in hosts.seen}
    if len(set(routers.values())) > 1:
        each = ", ".join(f"{name} {router}" for name, router in routers.items())
        yield f"virtual_router_id differs: {each}", "hosts with the same one agree on who has the address, so that two never do"
    intervals = {hosts.vrrp(name).interval for name in hosts.seen}
    if len(intervals) > 1:
        yield "advert_int differs between the hosts", "give all of them the same"
    holders = [name for name, seen in hosts.seen.items() if seen.holds]
    if len(holders) != 1:
        yield f"it is on {' and '.join(holders) or 'no host'}", "see the log of keepalived on each of them"
    sides = [{host.name for host in side} for side in (config.blue, config.green)]
    for name, seen in hosts.seen.items():
        if holders and seen.file in (None, MAY) and not any({name, holders[0]} <= side for side in sides):
            hint = f"echo {MAY_NOT} there into the file that keepalived tracks; `init_file {MAY_NOT}` does it at its first start"
            yield f"{name} may take the address by itself", hint


def standby_lines(config: AddressConfig, name: str) -> str:
    """Return the lines of keepalived.conf that make the file decide."""
    host = next(host for host in (*config.blue, *config.green) if host.name == name)
    initial = MAY if host in config.blue else MAY_NOT
    return (
        f"keepalived.conf needs `track_file migrator {{ file {host.track_file} ; weight 1 ; init_file {initial} }}`, "
        "one setting a line, and `track_file { migrator }` in the vrrp_instance, with "
        "`sync_group_tracking_weight` in its vrrp_sync_group where it is in one; then systemctl restart keepalived"
    )
