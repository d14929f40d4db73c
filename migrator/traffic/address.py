"""An address on the nodes' network as a switch: blue's hosts let go, then one of green takes it; never two of them.

At rest, the hosts of one side may hold the address, and those of the other may not; which of them does is VRRP's own business.
How it moves is in `hand_over.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from migrator.adapters.clock import SystemClock
from migrator.config.address import AddressConfig
from migrator.errors import TrafficError
from migrator.model.traffic import NOTHING_COUNTED, Abilities, Announce, TrafficReading, Withdrawal
from migrator.traffic.address_facts import Hosts, require_able
from migrator.traffic.hand_over import HandOver
from migrator.traffic.keepalived import MAY, MAY_NOT, Holder, Seen
from migrator.traffic.together import ask_all, first_hint, told

if TYPE_CHECKING:
    from migrator.ports import Clock

# keepalived's own default; those who missed the first announcement hear this one.
_ANNOUNCES_AGAIN_SECONDS = 5.0
_CLOCK = SystemClock()


class Address:
    """One address, and the hosts of both sides that may hold it."""

    def __init__(
        self,
        config: AddressConfig,
        blue: Mapping[str, Holder],
        green: Mapping[str, Holder],
        *,
        patience: float,
        clock: Clock = _CLOCK,
    ) -> None:
        """Take the hosts; `patience`: seconds that a host has to answer after another one did, on the way back."""
        self._config = config
        self._sides = {"blue": dict(blue), "green": dict(green)}
        self._hosts: dict[str, Holder] = {**blue, **green}
        self._patience = patience
        self._hand_over = HandOver(config, self._sides, clock)
        self._again = _ANNOUNCES_AGAIN_SECONDS

    def abilities(self) -> Abilities:
        """Return what an address can do: all or nothing, uncounted; who missed its announcement hears the next one."""
        return Abilities(self._config.levels, counters=False, uncounted=self._config.places, stale_seconds=self._again)

    def read(self) -> TrafficReading:
        """Return who has it; raises TrafficError when nobody has it, two have it, or a host does not answer."""
        found, errors = ask_all(self._hosts, lambda host: host.look(ask=False))
        if errors:
            raise self._error(errors)
        return self._reading(found)

    def require_shares(self) -> tuple[str, ...]:
        """Return what a person should know; raises TrafficError with the lines that keepalived.conf lacks."""
        hosts = self._look()
        require_able(hosts, self._config)
        return tuple(self._notices(hosts))

    def prepare(self) -> float:
        """Do nothing: neighbours are told who has the address."""
        return 0.0

    def after_restart(self, announce: Announce | None = None) -> tuple[str, ...]:  # noqa: ARG002 - there is no file to write
        """Return the hosts that would forget what they were told."""
        found, errors = ask_all(self._hosts, lambda host: host.look(ask=False))
        if errors:
            raise self._error(errors)
        files = {host.name: host.track_file for host in (*self._config.blue, *self._config.green)}
        return tuple(
            f"{name}: {files[name]} is not on a disk: after a reboot the host may take the address; set `trackFile`"
            for name, seen in found.items()
            if not seen.lasting
        )

    def shift(self, green_percent: float) -> TrafficReading:
        """Move the address to green, or with 0 to blue; raises TrafficError when it is not there, and puts all back."""
        if green_percent not in self._config.levels:
            raise TrafficError(
                f"{self._what} cannot have {green_percent:g} % on green, only 0 or 100: it is on one host at a time",
                hint="correct `steps`",
            )
        if not green_percent:
            return self.withdraw(end_connections=True).reading
        hosts = self._at_rest(self._look())
        require_able(hosts, self._config)
        if not self._holders(hosts.seen) & self._sides["green"].keys():
            self._hand_over.move("blue", "green", hosts, careful=True)
        return self.read()

    def end_on_blue(self) -> dict[str, int]:
        """Return nothing: connections to a host end when it has the address no longer."""
        return {}

    def withdraw(self, *, end_connections: bool) -> Withdrawal:
        """Move the address to blue, past hosts that do not answer; raises TrafficError when blue does not get it.

        A keepalived of green that keeps the address all the same is ended, and named.
        """
        del end_connections
        hosts = self._look(patience=self._patience)
        before = self._holders(hosts.seen)
        ended = [name for name in before & self._sides["green"].keys() if hosts.seen[name].trouble]
        if ended:
            self._end(ended)
            hosts = self._look(patience=self._patience)
        forced, owed = self._to_blue(hosts)
        ended += forced
        found, silent = self._last_look(hosts, owed)
        missed = [f"{told({name: error})}: {self._left(name)}" for name, error in {**hosts.silent, **silent}.items()]
        missed += [f"{name}: its keepalived was killed, because it did not release the address: start it again" for name in ended]
        # Who missed the gratuitous ARP keeps the old host in its neighbour table until the next announcement.
        stale = 0.0 if before and before <= self._sides["blue"].keys() else self._again
        return Withdrawal(self._reading(found), {}, tuple(missed), stale)

    def _to_blue(self, hosts: Hosts) -> tuple[list[str], set[str]]:
        """Move the address; return who had to be ended for it, and who is still to be told that it may hold it."""
        before = self._holders(hosts.seen)
        if not hosts.seen.keys() & self._sides["blue"].keys():
            raise self._error(hosts.silent)
        if before & self._sides["blue"].keys() and not before & self._sides["green"].keys():
            self._hand_over.settle("blue", hosts)
        elif before & self._sides["green"].keys():
            try:
                self._hand_over.move("green", "blue", hosts, careful=False)
            except TrafficError:
                holders = sorted(before & self._sides["green"].keys())
                self._end(holders)
                self._hand_over.take("blue", hosts)
                return holders, set()
            return [], hosts.seen.keys() & self._sides["blue"].keys()
        else:
            self._hand_over.take("blue", hosts)
        return [], set()

    def _last_look(self, hosts: Hosts, owed: set[str]) -> tuple[dict[str, Seen], dict[str, Exception]]:
        """Look at all that answered, and tell those who may hold the address so, in one round trip."""
        asks = {
            name: functools.partial(self._hosts[name].write, MAY)
            if name in owed
            else functools.partial(self._hosts[name].look, ask=False)
            for name in hosts.seen
        }
        return ask_all(asks, lambda ask: ask())

    def _end(self, names: list[str]) -> None:
        _, errors = ask_all({name: self._hosts[name] for name in names}, lambda host: host.end())
        if errors:
            raise self._error(errors)

    @property
    def _what(self) -> str:
        return self._config.places[0]

    def _left(self, name: str) -> str:
        return "it may take the address again" if name in self._sides["green"] else "it does not stand by for blue"

    def _error(self, errors: Mapping[str, Exception]) -> TrafficError:
        return TrafficError(f"{self._what}: {told(errors)}", hint=first_hint(errors))

    def _look(self, patience: float | None = None) -> Hosts:
        """Ask every keepalived; on the way back one that does not answer is left out."""
        found, errors = ask_all(self._hosts, lambda host: host.look(), patience=patience)
        if patience is None:
            errors |= {name: TrafficError(seen.trouble, hint="see its log") for name, seen in found.items() if seen.trouble}
            if errors:
                raise self._error(errors)
        self._again = max((seen.vrrp.announces_again for seen in found.values() if seen.vrrp), default=self._again)
        return Hosts(found, errors)

    def _holders(self, found: Mapping[str, Seen]) -> set[str]:
        return {name for name, seen in found.items() if seen.holds}

    def _reading(self, found: Mapping[str, Seen]) -> TrafficReading:
        holders = sorted(self._holders(found))
        if not holders:
            raise TrafficError(f"{self._what} is on no host", hint="see the log of keepalived on each of them")
        if len(holders) > 1:
            hint = "do they hear each other? The same virtual_router_id, and all hosts in `unicast_peer` where that is used"
            raise TrafficError(f"{self._what} is on {' and '.join(holders)} at the same time", hint=hint)
        percent = 100.0 if holders[0] in self._sides["green"] else 0.0
        return TrafficReading(percent, NOTHING_COUNTED, NOTHING_COUNTED, {name: int(seen.holds) for name, seen in found.items()})

    def _at_rest(self, hosts: Hosts) -> Hosts:
        """Finish what a run that was cut off has left in the files; return how it is then."""
        holders = self._holders(hosts.seen)
        if len(holders) != 1 or all(seen.file in (None, MAY, MAY_NOT) for seen in hosts.seen.values()):
            return hosts
        self._hand_over.settle("green" if holders <= self._sides["green"].keys() else "blue", hosts)
        return self._look()

    def _notices(self, hosts: Hosts) -> list[str]:
        holder = next(iter(self._holders(hosts.seen)))
        found = [f"{self._what} is on {holder}; it moves as a whole, and open connections to it end"]
        if not all(seen.vrrp and seen.vrrp.repeats for seen in hosts.seen.values()):
            found.append(
                "a router that misses the announcements keeps the old way: `garp_master_refresh 60` in vrrp_instance repeats them"
            )
        return found
