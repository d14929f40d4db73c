"""An address on the nodes' network as a switch: blue's hosts let go, then one of green takes it; never two of them.

At rest, the hosts of one side may hold the address, and those of the other may not; which of them does is VRRP's own business.
A move has three parts, and each is looked at before the next one:

1. The holder's priority is raised, and one host of the other side may stand by, below it. Now it is known that both keepalived
   do what the file says. Before that nobody has let go of anything.
2. The holder may not hold it any more. It says so to the others, takes the address off, and who stands by takes it after a
   pause that depends on its priority: long enough for the address to be off, short enough for clients.
3. The other hosts of that side may hold it, too, with the priorities of their own configuration.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from migrator.adapters.clock import SystemClock
from migrator.config.address import AddressConfig
from migrator.errors import MigratorError, TrafficError
from migrator.model.traffic import NOTHING_COUNTED, Abilities, TrafficReading, Withdrawal
from migrator.ports import Clock
from migrator.side_by_side import side_by_side
from migrator.traffic.address_facts import Hosts, require_able, standby_lines
from migrator.traffic.keepalived import MAY, MAY_NOT, Holder, Seen
from migrator.traffic.together import ask_all, first_hint, told

_HIGHEST = 254
_PAUSE_SECONDS = 0.1
"""From the release until the other side takes the address."""
_TAKING_EFFECT_SECONDS = 2.0
_POLL_SECONDS = 0.05
_ANNOUNCES_AGAIN_SECONDS = 5.0
"""keepalived's own default; those who missed the first announcement hear this one."""
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
        self._clock = clock
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

    def after_restart(self) -> tuple[str, ...]:
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
            self._move("blue", "green", hosts, careful=True)
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
        missed += [f"{name}: its keepalived was ended, for it did not let the address go: start it again" for name in ended]
        stale = 0.0 if before and before <= self._sides["blue"].keys() else self._again
        return Withdrawal(self._reading(found), {}, tuple(missed), stale)

    def _to_blue(self, hosts: Hosts) -> tuple[list[str], set[str]]:
        """Move the address; return who had to be ended for it, and who is still to be told that it may hold it."""
        before = self._holders(hosts.seen)
        if not hosts.seen.keys() & self._sides["blue"].keys():
            raise self._error(hosts.silent)
        if before & self._sides["blue"].keys() and not before & self._sides["green"].keys():
            self._settle("blue", hosts)
        elif before & self._sides["green"].keys():
            try:
                self._move("green", "blue", hosts, careful=False)
            except TrafficError:
                holders = sorted(before & self._sides["green"].keys())
                self._end(holders)
                self._take("blue", hosts)
                return holders, set()
            return [], hosts.seen.keys() & self._sides["blue"].keys()
        else:
            self._take("blue", hosts)
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

    def _move(self, source: str, target: str, hosts: Hosts, *, careful: bool) -> None:
        """Move the address from the holder to one host of the other side; whatever fails, all are as before.

        `careful`: nobody lets go before it is known that the hosts hear each other. Without it the hosts of the target still
        are to be told that they may hold the address.
        """
        holder = hosts.holder(self._sides[source])
        taker = hosts.first(self._sides[target])
        others = [name for name in self._sides[source] if name in hosts.seen and name != holder]
        try:
            if careful:
                self._raise(holder, taker, hosts)
                self._stand_by(holder, taker, hosts, careful=True)
                self._forbid(others)
            else:
                side_by_side(lambda: self._raise(holder, taker, hosts), lambda: self._forbid(others))
                self._stand_by(holder, taker, hosts, careful=False)
            self._release(holder, taker, hosts)
        except BaseException as error:
            back = self._put_back(source, target, hosts)
            if isinstance(error, MigratorError):
                raise TrafficError(f"{self._what}: {error.message}; {back}", hint=error.hint) from error
            raise
        if careful:
            self._write(dict.fromkeys(self._sides[target], MAY), hosts)

    def _raise(self, holder: str, taker: str, hosts: Hosts) -> None:
        """Give the holder the highest priority, and know that its keepalived does what the file says."""
        priority = hosts.vrrp(taker).priority_for(_PAUSE_SECONDS)
        raised = self._writing(holder, _HIGHEST - hosts.vrrp(holder).priority)
        self._until(raised, lambda seen: bool(seen.vrrp and seen.vrrp.effective > priority), holder, "does not raise its priority")

    def _stand_by(self, holder: str, taker: str, hosts: Hosts, *, careful: bool) -> None:
        """Let one host stand by below the holder, and know that its keepalived does what the file says."""
        below = hosts.vrrp(taker)
        priority = below.priority_for(_PAUSE_SECONDS)
        heard = hosts.vrrp(holder).interval * 2 + _TAKING_EFFECT_SECONDS if careful else _TAKING_EFFECT_SECONDS
        standing = self._writing(taker, priority - below.priority)

        def stands_by(seen: Seen) -> bool:
            state = seen.vrrp
            ready = bool(state and state.state == "BACKUP" and state.effective == priority)
            return ready and (not careful or bool(state and state.heard > priority))

        self._until(standing, stands_by, taker, f"does not stand by below {holder}", seconds=heard)

    def _forbid(self, others: list[str]) -> None:
        """Forbid the address to the hosts beside its holder."""
        _, failed = ask_all({name: self._hosts[name] for name in others}, lambda host: host.write(MAY_NOT))
        if failed:
            raise TrafficError(told(failed), hint=first_hint(failed))

    def _release(self, holder: str, taker: str, hosts: Hosts) -> None:
        """Let the holder go; raises TrafficError before who stands by could take the address from a silent holder."""
        below = hosts.vrrp(taker)
        patience = min(_TAKING_EFFECT_SECONDS, below.interval * below.lost_after / 3)
        if self._hosts[holder].write_and_wait(MAY_NOT, holds=False, seconds=patience).holds:
            raise TrafficError(f"{holder}: its keepalived does not let the address go", hint="see its log; restart it")
        took = self._hosts[taker].write_and_wait(
            below.priority_for(_PAUSE_SECONDS) - below.priority, holds=True, seconds=below.takes_after + _TAKING_EFFECT_SECONDS
        )
        if not took.holds:
            raise TrafficError(f"{taker}: its keepalived does not take the address", hint="see its log")

    def _take(self, side: str, hosts: Hosts) -> None:
        """Nobody who answers has the address: forbid it to the other side, and let the first of this side take it."""
        taker = hosts.first(self._sides[side])
        state = hosts.vrrp(taker)
        self._write(dict.fromkeys(self._sides[self._other(side)], MAY_NOT), hosts)
        waits = state.takes_after + _TAKING_EFFECT_SECONDS
        if not self._hosts[taker].write_and_wait(_HIGHEST - state.priority, holds=True, seconds=waits).holds:
            raise TrafficError(
                f"{self._what}: {taker} does not get the address{': ' + told(hosts.silent) if hosts.silent else ''}",
                hint="does a host that does not answer still hold it? End its keepalived, or its network",
            )
        # Where the other side has a silent host, the highest priority stays: who comes back does not take the address from it.
        if not hosts.silent.keys() & self._sides[self._other(side)].keys():
            self._write(dict.fromkeys(self._sides[side], MAY), hosts)

    def _at_rest(self, hosts: Hosts) -> Hosts:
        """Finish what a run that was cut off has left in the files; return how it is then."""
        holders = self._holders(hosts.seen)
        if len(holders) != 1 or all(seen.file in (None, MAY, MAY_NOT) for seen in hosts.seen.values()):
            return hosts
        self._settle("green" if holders <= self._sides["green"].keys() else "blue", hosts)
        return self._look()

    def _settle(self, side: str, hosts: Hosts) -> None:
        """Forbid the address to the hosts of the other side, then give those of this one their own priorities."""
        for name_of, value in ((self._other(side), MAY_NOT), (side, MAY)):
            differing = [name for name in self._sides[name_of] if name in hosts.seen and hosts.seen[name].file != value]
            self._write(dict.fromkeys(differing, value), hosts)

    def _write(self, values: Mapping[str, int], hosts: Hosts) -> None:
        wanted = {name: value for name, value in values.items() if name in hosts.seen}
        _, errors = ask_all(
            {name: functools.partial(self._hosts[name].write, value) for name, value in wanted.items()}, lambda write: write()
        )
        if errors:
            raise self._error(errors)

    def _put_back(self, source: str, target: str, hosts: Hosts) -> str:
        """Forbid the target first, so that nobody else takes the address; return what came of it."""
        try:
            self._write(dict.fromkeys(self._sides[target], MAY_NOT), hosts)
            self._write(dict.fromkeys(self._sides[source], MAY), hosts)
        except TrafficError as error:
            return f"not put back: {error.message}"
        return f"it stays on {source}"

    def _writing(self, name: str, value: int) -> Callable[[], Seen]:
        """Return what writes the number at its first call, and looks."""
        begun: list[bool] = []

        def act() -> Seen:
            if begun:
                return self._hosts[name].look()
            begun.append(True)
            return self._hosts[name].write(value, ask=True)

        return act

    def _until(
        self,
        look: Callable[[], Seen],
        done: Callable[[Seen], bool],
        name: str,
        complaint: str,
        *,
        seconds: float = _TAKING_EFFECT_SECONDS,
    ) -> None:
        ends = self._clock.monotonic() + seconds
        while not done(look()):
            if self._clock.monotonic() >= ends:
                raise TrafficError(f"{name}: its keepalived {complaint}", hint=standby_lines(self._config, name))
            self._clock.sleep(_POLL_SECONDS)

    @staticmethod
    def _other(side: str) -> str:
        return "green" if side == "blue" else "blue"

    def _notices(self, hosts: Hosts) -> list[str]:
        holder = next(iter(self._holders(hosts.seen)))
        found = [f"{self._what} is on {holder}; it moves as a whole, and open connections to it end"]
        if not all(seen.vrrp and seen.vrrp.repeats for seen in hosts.seen.values()):
            found.append(
                "a router that misses the announcements keeps the old way: `garp_master_refresh 60` in vrrp_instance repeats them"
            )
        return found
