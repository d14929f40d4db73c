"""How an address moves between two sides of hosts; never two of them have it.

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
from typing import TYPE_CHECKING

from migrator.config.address import AddressConfig
from migrator.errors import MigratorError, TrafficError
from migrator.side_by_side import side_by_side
from migrator.traffic.address_facts import Hosts, standby_lines
from migrator.traffic.keepalived import MAY, MAY_NOT, Holder, Seen
from migrator.traffic.together import ask_all, first_hint, told

if TYPE_CHECKING:
    from migrator.ports import Clock

# 255 is for the owner of an address (RFC 9568, 5.2.4).
_HIGHEST = 254
# From the release until the other side takes the address.
_PAUSE_SECONDS = 0.1
# Beside the timers of VRRP: keepalived reads a tracked file when inotify tells it, on a busy host later.
_TAKING_EFFECT_SECONDS = 2.0
# keepalived on the host is asked by a signal and a file, which takes it some milliseconds.
_POLL_SECONDS = 0.05


class HandOver:
    """The hosts of both sides, told one after the other what they may do."""

    def __init__(self, config: AddressConfig, sides: Mapping[str, Mapping[str, Holder]], clock: Clock) -> None:
        self._config = config
        self._sides = sides
        self._hosts: dict[str, Holder] = {**sides["blue"], **sides["green"]}
        self._clock = clock
        self._what = config.places[0]

    def move(self, source: str, target: str, hosts: Hosts, *, careful: bool) -> None:
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
        # A third of the time after which the other host takes the address from a silent holder: two holders are worse than none.
        patience = min(_TAKING_EFFECT_SECONDS, below.interval * below.lost_after / 3)
        if self._hosts[holder].write_and_wait(MAY_NOT, holds=False, seconds=patience).holds:
            raise TrafficError(f"{holder}: its keepalived does not release the address", hint="see its log; restart it")
        took = self._hosts[taker].write_and_wait(
            below.priority_for(_PAUSE_SECONDS) - below.priority, holds=True, seconds=below.takes_after + _TAKING_EFFECT_SECONDS
        )
        if not took.holds:
            raise TrafficError(f"{taker}: its keepalived does not take the address", hint="see its log")

    def take(self, side: str, hosts: Hosts) -> None:
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

    def settle(self, side: str, hosts: Hosts) -> None:
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
            raise TrafficError(f"{self._what}: {told(errors)}", hint=first_hint(errors))

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
