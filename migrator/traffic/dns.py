"""A name in DNS as a switch: compare-and-swap at the primary, then every server is asked until it answers the new value.

It counts nothing, and who has asked before goes on to the old side for as long as the TTL allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.adapters.clock import SystemClock
from migrator.config.dns import DnsConfig, host_and_port
from migrator.errors import TrafficError
from migrator.model.traffic import NOTHING_COUNTED, Abilities, Announce, TrafficReading, Withdrawal
from migrator.traffic.dns_server import Changed, DnsServer, KeyNotTakenError, Records, read_key
from migrator.traffic.external_dns import is_encrypted, owner_of, registry_names
from migrator.traffic.together import ask_all, told

if TYPE_CHECKING:
    from migrator.ports import Clock

# Secondaries are notified at once and fetch the zone in milliseconds to seconds.
_POLL_SECONDS = 0.2
# How long a way back waits for servers besides the primary: resolvers ask any of them.
_WAY_BACK_SECONDS = 2.0
# An update says what the records are now; a name that changes between looks three times is changed by something else.
_ATTEMPTS = 3
# Between parameters of a record and their values.
_WORDS = re.compile(r"[\s=,\"]+")
_CLOCK = SystemClock()


class Dns:
    """One name whose records lead to blue and to green."""

    def __init__(self, config: DnsConfig, *, relative_to: Path, clock: Clock = _CLOCK) -> None:
        self._config = config
        self._clock = clock
        self._key_file = relative_to / Path(config.key_file).expanduser()
        self._primary = DnsServer(*config.host_and_port)
        self._sides = (self._values(config.blue), self._values(config.green))

    def abilities(self) -> Abilities:
        """Return what the name can do; its TTL is asked for."""
        return Abilities(self._config.levels, counters=False, uncounted=self._config.places, stale_seconds=float(self._now().ttl))

    def read(self) -> TrafficReading:
        """Return the share that the records give; raises TrafficError when a server does not know the new value yet."""
        reading = self._reading(self._now())
        behind = self._behind(reading.servers)
        if behind:
            raise TrafficError(f"dns: {self._what}: {behind}", hint="wait for the zone transfer, or see that server's log")
        return reading

    def require_shares(self) -> tuple[str, ...]:
        """Return what a person should know; raises TrafficError when the zone takes no update, or is somebody else's."""
        now = self._now()
        self._require_one_view(now)
        self._require_owner()
        # The records that are there, put in their own place: whether the key may change them is known, and nothing changes.
        self._swap(lambda: (now, now))
        _, silent = ask_all({str(server): server for server in self._others()}, self._asked)
        return tuple(self._notices(now, silent))

    def prepare(self) -> float:
        """Lower the TTL; return the seconds until every cache has forgotten the old one."""
        wanted = int(self._config.ttl.total_seconds())
        before = self._now()
        if before.ttl > wanted:
            self._swap(lambda: ((now := self._now()), now._replace(ttl=wanted)))
        return float(before.ttl) if before.ttl > wanted else 0.0

    def after_restart(self, announce: Announce | None = None) -> tuple[str, ...]:  # noqa: ARG002 - there is no file to write
        """Return nothing: a zone keeps what was set."""
        return ()

    def shift(self, green_percent: float) -> TrafficReading:
        """Set the share of green; raises TrafficError when somebody else changed the records, or a server stays behind."""
        self._set(green_percent)
        # Secondaries follow by NOTIFY, mostly within a second (RFC 1996).
        self._until(lambda: not self._behind(self._reading(self._now()).servers), self._config.propagation.total_seconds())
        return self.read()

    def end_on_blue(self) -> dict[str, int]:
        """Return nothing: a name ends no connection."""
        return {}

    def withdraw(self, *, end_connections: bool) -> Withdrawal:
        """Lead new clients to blue. What is open stays open: a name ends no connection."""
        del end_connections
        before = self._set(0)
        reading = self._reading(self._now())
        # Not `propagation`: a rollback must not wait for a secondary that is away.
        self._until(lambda: not self._behind(reading.servers), _WAY_BACK_SECONDS)
        behind = self._behind(reading.servers)
        # The TTL before the change: caches keep the old records for as long as those said (RFC 1035, 3.2.1).
        stale = float(before.ttl) if self._reading(before).green_percent else 0.0
        return Withdrawal(reading, {}, (f"{self._what}: {behind}",) if behind else (), stale)

    @property
    def _what(self) -> str:
        return self._config.places[0]

    def _values(self, texts: tuple[str, ...]) -> frozenset[str]:
        return frozenset(self._config.plain(text) for text in texts)

    def _asked(self, server: DnsServer) -> Records:
        return server.records(self._config.name, self._config.type)

    def _of_primary(self, name: str, kind: str) -> Records:
        """Return records as an update would meet them: by the key, with which servers choose a view (certbot#8804)."""
        try:
            return self._primary.records(name, kind, read_key(self._key_file))
        except KeyNotTakenError:
            # One that only passes updates on to its primary need not know the key (certbot#9671).
            return self._primary.records(name, kind)

    def _now(self) -> Records:
        """Return the primary's records; raises TrafficError when they lead elsewhere."""
        found = self._of_primary(self._config.name, self._config.type)
        blue, green = self._sides
        if not found.values:
            hint = "make it first, leading to blue: that there is none is cached, too (SOA minimum)"
            raise TrafficError(f"dns: {self._primary} has no {self._what}", hint=hint)
        strange = found.values - blue - green
        if strange:
            raise TrafficError(
                f"dns: {self._what} is {', '.join(sorted(strange))}, which is neither blue nor green",
                hint="somebody else has changed it, or `blue` and `green` are wrong",
            )
        return found

    def _reading(self, records: Records) -> TrafficReading:
        blue, green = (len(records.values & side) for side in self._sides)
        servers = {value: int(value in records.values) for side in self._sides for value in sorted(side)}
        return TrafficReading(round(100 * green / (blue + green), 1), NOTHING_COUNTED, NOTHING_COUNTED, servers)

    def _set(self, green_percent: float) -> Records:
        """Swap the records; return what was there."""
        # A share is a number of addresses, so it is met nearly.
        level = min(self._config.levels, key=lambda level: abs(level - green_percent))
        if abs(level - green_percent) > 1:
            can = ", ".join(f"{item:g}" for item in self._config.levels)
            raise TrafficError(f"dns: {self._what} cannot have {green_percent:g} % on green, only {can}", hint="correct `steps`")
        values = self._values(self._config.mixtures[level])
        return self._swap(lambda: ((now := self._now()), now._replace(values=values)))

    def _swap(self, wanted: Callable[[], tuple[Records, Records]]) -> Records:
        """Put records in the place of those that were just read, and read them back; return what was there.

        A change that comes in between is looked at once more: one between blue and green is ours to make, another is refused.
        """
        key, before = read_key(self._key_file), Records(frozenset(), 0)
        for _ in range(_ATTEMPTS):
            before, after = wanted()
            try:
                self._primary.change(self._config.zone, key, self._config.name, self._config.type, before, after)
            except Changed:
                continue
            found = self._read_back(after)
            if found != after:
                values = ", ".join(sorted(found.values))
                raise TrafficError(f"dns: {self._what} is {values} after the update", hint="see the server's log")
            return before
        if before == self._now():
            hint = (
                f"is it a wildcard's answer? Then make {self._config.name} itself; "
                "a server that compares TTLs in prerequisites, too, is too old for this (Technitium's issue 1888)"
            )
            raise TrafficError(
                f"dns: {self._primary} says that {self._what} has changed, and answers the same as before", hint=hint
            )
        raise TrafficError(f"dns: {self._what} is changed all the time by something else", hint="does external-dns own the name?")

    def _read_back(self, after: Records) -> Records:
        """Return what the primary answers once it has taken an update.

        BIND, which signs a zone inline, answers from the signed copy, a moment later.
        """
        ends = self._clock.monotonic() + self._config.propagation.total_seconds()
        name, kind = self._config.name, self._config.type
        while (found := self._of_primary(name, kind)) != after and self._clock.monotonic() < ends:
            self._clock.sleep(_POLL_SECONDS)
        return found

    def _others(self) -> list[DnsServer]:
        """Return the zone's servers besides the primary."""
        texts = self._config.servers or sorted(self._of_primary(self._config.zone, "NS").values)
        found = {str(server): server for server in (DnsServer(*host_and_port(text)) for text in texts)}
        # The primary was read by itself; NS records name it, too.
        found.pop(str(self._primary), None)
        return list(found.values())

    def _behind(self, servers: dict[str, int]) -> str:
        """Return which servers answer something else than these values; one that does not answer misleads nobody."""
        values = frozenset(value for value, there in servers.items() if there)
        # The primary as well, without the key: to clients it may answer from another view than the one that was changed.
        servers_of_zone = [self._primary, *self._others()]
        answers, _ = ask_all({str(server): server for server in servers_of_zone}, self._asked)
        late = {name: ", ".join(sorted(found.values)) or "nothing" for name, found in answers.items() if found.values != values}
        return "; ".join(f"{name} still answers {text}" for name, text in late.items())

    def _until(self, done: Callable[[], bool], seconds: float) -> None:
        ends = self._clock.monotonic() + seconds
        while not done() and self._clock.monotonic() < ends:
            self._clock.sleep(_POLL_SECONDS)

    def _require_one_view(self, now: Records) -> None:
        """Raise TrafficError when the primary answers clients from another view than the one that the key changes."""
        try:
            seen = self._asked(self._primary).values
        except TrafficError:
            return  # a hidden primary may answer nobody without a key
        if seen != now.values:
            held, shown = (", ".join(sorted(values)) or "nothing" for values in (now.values, seen))
            raise TrafficError(
                f"dns: {self._primary} answers {held} for {self._what} with the key, and {shown} without it",
                hint="it has views: name the key of the one that clients are answered from (`match-clients`)",
            )

    def _require_owner(self) -> None:
        """Raise TrafficError when external-dns has the name in its registry: it would set the records back."""
        config = self._config
        affixes = {"prefix": config.txt_prefix, "suffix": config.txt_suffix, "wildcard": config.txt_wildcard_replacement}
        names = registry_names(config.name, config.type, config.zone, **affixes)
        texts = [(item, text) for item in names for text in self._of_primary(item, "TXT").values]
        allowed = config.external_dns_owner.lower()
        for owner in filter(None, (owner_of(text) for _, text in texts)):
            if owner != allowed:
                raise TrafficError(
                    f"dns: {self._what} is external-dns' ({owner}), which would set it back",
                    hint=f"take the name from it (exclude it, or scale it to 0), then say `externalDnsOwner: {owner}`",
                )
        # What is encrypted has a name of its own, beside which other tokens may stand.
        encrypted = [item for item, text in texts if item != config.name and is_encrypted(text)]
        if encrypted and not allowed:
            raise TrafficError(
                f"dns: the TXT record {encrypted[0]} is encrypted: {self._what} may be external-dns', which would set it back",
                hint="take the name from it (exclude it, or scale it to 0), then say its --txt-owner-id as `externalDnsOwner`",
            )

    def _unmoved(self) -> Iterator[str]:
        """Yield what else of the name leads clients to blue: the other family, and what HTTPS records hint at (RFC 9460, 7.3)."""
        config = self._config
        if config.type == "CNAME":
            return  # beside which there is nothing
        other = "AAAA" if config.type == "A" else "A"
        found = self._of_primary(config.name, other).values
        if found:
            addresses = ", ".join(sorted(found))
            yield (
                f"{config.name} also has {other} records ({addresses}), which only a switch of their own moves: "
                "clients that use them stay where those lead, also after `retire`"
            )
        blue, _ = self._sides
        hints = {word for text in self._of_primary(config.name, "HTTPS").values for word in _WORDS.split(text)}
        if blue & hints:
            yield (
                f"the HTTPS record of {config.name} hints at {', '.join(sorted(blue & hints))}, and no switch moves it: browsers "
                "stay on blue; take the hint out"
            )

    def _notices(self, now: Records, silent: dict[str, Exception]) -> Iterator[str]:
        ttl, wanted = now.ttl, self._config.ttl.total_seconds()
        yield f"{self._what} has a TTL of {ttl} s: clients may stay behind for so long after each step and after a rollback"
        if ttl > wanted:
            yield f"`migrator prepare` lowers the TTL to {wanted:g} s; it counts once the old one is over"
        try:
            yield from self._unmoved()
        except TrafficError as error:  # old servers do not answer for HTTPS; that moves nothing
            yield f"what else {self._config.name} has, beside what is moved, is unknown: {error.message}"
        if silent:
            yield f"servers of the zone that do not answer now: {told(silent)}"
