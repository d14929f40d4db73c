"""HAProxy through its Runtime API: weights without a reload, read back, and kept across a restart.

Source for the commands: HAProxy management guide, section 9.3 (`set server`, `shutdown sessions server`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.adapters.clock import SystemClock
from migrator.config.haproxy import HAProxyConfig
from migrator.errors import ReloadedError, TrafficError
from migrator.model.traffic import Abilities, Announce, TrafficReading, Withdrawal
from migrator.traffic import backend as answers
from migrator.traffic.backend import Backend, Server, ServersMissingError
from migrator.traffic.machine import Reached, on_this_machine
from migrator.traffic.restart import Restart
from migrator.traffic.runtime_api import RuntimeApi
from migrator.traffic.suitability import depends_on_hash_type, notices, obstacles, several_processes

if TYPE_CHECKING:
    from migrator.ports import Clock

# Weights end at 256 (HAProxy configuration manual, `weight`).
_HIGHEST = 256
_TAKING_EFFECT_SECONDS = 1.0
# How long a request that is in flight may take to end by itself before it is ended.
_GRACE_SECONDS = 0.25
# How often the way back is gone where a new process of HAProxy brings old weights back.
_RELOADS = 3
# A look takes a millisecond, and clients wait for what is looked at.
_POLL_SECONDS = 0.01
_CLOCK = SystemClock()


class HAProxy:
    """One backend whose servers lead to blue and to green."""

    def __init__(
        self, config: HAProxyConfig, *, relative_to: Path = Path(), reached: Reached | None = None, clock: Clock = _CLOCK
    ) -> None:
        self._config = config
        self._clock = clock
        self._reached = reached = reached or on_this_machine(config.socket, config.state_file, relative_to, config.configuration)
        self._api = RuntimeApi(reached.endpoint, clock)
        self._restart = Restart(self._api, reached, config.backend)

    def abilities(self) -> Abilities:
        """Return what HAProxy can do: every share, with counters, for the next request."""
        return Abilities()

    def read(self) -> TrafficReading:
        """Return weights and counters; raises TrafficError when HAProxy does not answer, or knows nobody of a side."""
        try:
            return self._reading(self._backend())
        except ServersMissingError as error:
            return self._without(error, sides=(self._config.blue, self._config.green)).read()

    def require_shares(self) -> tuple[str, ...]:
        """Return what a person should know before a cutover; raises TrafficError with the hint when shares cannot be set."""
        self._api.require_admin()
        backend = self._backend()
        found = list(obstacles(backend, self._ours, self._restart.config()))
        info = self._api.show("show info", begins="Name:")
        found += several_processes(info, max(1, len(self._config.instances)))
        if found:
            raise TrafficError(
                f"haproxy: backend {backend.name}: {'; '.join(item.reason for item in found)}",
                hint="; ".join(item.hint for item in found),
            )
        self._restart.require_usable()
        # Before the cutover: a refusal in the middle of it would be a failed step.
        if depends_on_hash_type(backend):
            self._try_weight(backend)
        return tuple(self._notices(backend))

    def shift(self, green_percent: float) -> TrafficReading:
        """Set the share of green: who gains is set and read back before the other side loses. 0 is `withdraw`."""
        if not green_percent:
            return self.withdraw(end_connections=True).reading
        wanted = self._wanted(green_percent)
        with self._changing() as before:
            self._give(wanted, before)
            servers = self._take(wanted, before, away=())
        self._restart.keep(servers.values())
        return self.read()

    def end_on_blue(self) -> dict[str, int]:
        """End what is open on blue; raises TrafficError while blue has a share."""
        servers = self._servers()
        if self._percent(servers) < 100:
            raise TrafficError("haproxy: blue still has a share, so nothing is ended there", hint="`migrator cutover` first")
        return self._end_connections(self._config.blue, servers, grace=0.0)

    def withdraw(self, *, end_connections: bool) -> Withdrawal:
        """Move all traffic to blue, also that of clients which hold green's cookie; end what is open on green, or count it.

        A server that a person, or a program, has taken out of HAProxy meanwhile keeps nobody from the others.
        """
        try:
            return self._withdraw(end_connections=end_connections)
        except ServersMissingError as error:
            done = self._without(error, sides=(self._config.blue,)).withdraw(end_connections=end_connections)
            gone = (f"server {name} gets nothing: HAProxy does not have it" for name in self._config.blue if name in error.names)
            return replace(done, lacking=(*done.lacking, *gone))

    def _withdraw(self, *, end_connections: bool) -> Withdrawal:
        wanted = self._wanted(0)
        ended: Counter[str] = Counter()
        # A process that a reload started may have read the old weights before the new ones stood in its state file.
        for attempt in range(1, _RELOADS + 1):
            try:
                with self._changing() as before:
                    self._give(wanted, before, back=True)
                    servers = self._take(wanted, before, away=self._config.green)
                    if end_connections:
                        ended.update(self._end_connections(self._config.green, servers, grace=_GRACE_SECONDS))
            except ReloadedError:
                if attempt == _RELOADS:
                    raise
                continue
            self._restart.keep(servers.values())
            reading = self.read()
            if not reading.green_percent:
                lacking = (f"server {name} gets nothing: {servers[name].condition}" for name in wanted if servers[name].stays_out)
                return Withdrawal(reading, dict(ended), lacking=tuple(lacking))
        raise TrafficError(
            f"haproxy: green has {reading.green_percent:g} % again each time that all traffic was moved to blue",
            hint="what reloads HAProxy? run `migrator rollback` when it has ended",
        )

    def prepare(self) -> float:
        """Do nothing: HAProxy leads the next request elsewhere."""
        return 0.0

    def after_restart(self, announce: Announce | None = None) -> tuple[str, ...]:
        """Return what a start of HAProxy would lose, with the lines of haproxy.cfg to change; nothing when it keeps all.

        With `announce` these lines are changed, where `configuration` says so.
        """
        try:
            return self._restart.lost(self._lasting, announce)
        except ServersMissingError as error:
            return self._without(error, sides=(self._config.blue, self._config.green)).after_restart(announce)

    def _lasting(self) -> Mapping[str, int]:
        """Return the shares that a start is to give: who is out by no command of ours comes back by itself, with its weight."""
        return {name: server.weight if server.stays_out else server.share for name, server in self._servers().items()}

    def _without(self, error: ServersMissingError, *, sides: tuple[tuple[str, ...], ...]) -> HAProxy:
        """Return the same without missing servers; raises the error where nobody of one of these sides would be left."""
        if not error.names or any(set(side) <= set(error.names) for side in sides):
            raise error
        there = {
            side: tuple(name for name in names if name not in error.names)
            for side, names in (("blue", self._config.blue), ("green", self._config.green))
        }
        return HAProxy(self._config.model_copy(update=there), reached=self._reached, clock=self._clock)

    @property
    def _ours(self) -> tuple[str, ...]:
        return (*self._config.blue, *self._config.green)

    def _give(self, wanted: Mapping[str, int], before: Mapping[str, Server], *, back: bool = False) -> None:
        """Set the weights of those who gain; on the way back one that cannot be used keeps nobody from the others.

        Raises TrafficError unless they have their weights, and each side has somebody who is up.
        """
        gaining, servers = _gaining(wanted, before), before
        for change in self._gains(gaining):
            self._api.tell(change)
        if gaining:
            servers = self._settled(lambda servers: _as_wanted(servers, gaining, back=back), gaining)
        for side in (self._config.blue, self._config.green):
            ready = [servers[name] for name in side if wanted[name]]
            if not any(server.up for server in ready) and any(server.name in gaining for server in ready):
                down = ", ".join(f"{server.name} is {server.condition}" for server in ready)
                raise TrafficError(
                    f"haproxy: nobody is there to take the traffic: {down}", hint="see its health check in haproxy.cfg"
                )

    def _gains(self, gaining: Mapping[str, int]) -> list[str]:
        # Weight first: a server in maintenance gets nothing, so the order shows nobody an old weight.
        return [self._setting(name, what) for name, weight in gaining.items() for what in (f"weight {weight}", "state ready")]

    def _take(self, wanted: Mapping[str, int], before: Mapping[str, Server], *, away: tuple[str, ...]) -> Mapping[str, Server]:
        """Set the weights of those who lose; return how all are then. Raises TrafficError unless all servers have theirs.

        The servers `away` get nobody any more: a weight of 0, and drain, let in whoever holds the server's cookie or stands
        in a stick table (configuration manual, `cookie` and `stick`).
        """
        # Maintenance first: a server of weight 0 that is still ready would go on to take the clients that hold its cookie.
        changes = [self._setting(name, "state maint") for name in away]
        changes += [
            self._setting(name, f"weight {wanted[name]}") for name, server in before.items() if server.weight > wanted[name]
        ]
        if changes:
            # One line is for one process: had a reload started another one since the gains were read back, with the old
            # weights, nobody would be left to answer there.
            self._api.tell(*self._gains(_gaining(wanted, before)), *changes)
        return self._settled(
            lambda servers: _as_wanted(servers, wanted, back=bool(away)) and all(servers[name].in_maintenance for name in away),
            wanted,
        )

    def _end_connections(self, side: tuple[str, ...], servers: Mapping[str, Server], *, grace: float) -> dict[str, int]:
        """End what is open on a side after a moment of grace; return how many were ended on each server."""

        def there(servers: Mapping[str, Server]) -> dict[str, int]:
            return {name: servers[name].sessions for name in side if servers[name].sessions}

        if not there(servers):
            return {}
        # Most requests end by themselves within that time: a client whose connection is cut sees an error.
        before = there(self._until(lambda servers: not there(servers), grace))
        if before:
            self._api.tell(*(f"shutdown sessions server {self._config.backend}/{name}" for name in before))
        after = there(self._until(lambda servers: not there(servers), _TAKING_EFFECT_SECONDS)) if before else {}
        return {name: count - after.get(name, 0) for name, count in before.items() if count > after.get(name, 0)}

    def _settled(self, done: Callable[[Mapping[str, Server]], bool], wanted: Mapping[str, int]) -> Mapping[str, Server]:
        servers = self._until(done, _TAKING_EFFECT_SECONDS)
        if not done(servers):
            have = {name: servers[name].share for name in wanted}
            raise ReloadedError(f"haproxy: weights are {have}, not {dict(wanted)}", hint="does something else set them too?")
        return servers

    def _until(self, done: Callable[[Mapping[str, Server]], bool], seconds: float) -> Mapping[str, Server]:
        """Return our servers once they are as wanted, or when the time is over."""
        ends = self._clock.monotonic() + seconds
        while not done(servers := self._servers()) and self._clock.monotonic() < ends:
            self._clock.sleep(_POLL_SECONDS)
        return servers

    @contextmanager
    def _changing(self) -> Iterator[Mapping[str, Server]]:
        """Add to an error what HAProxy has now, since the change may be half done."""
        servers = self._servers()  # what fails here fails before a change
        try:
            yield servers
        except TrafficError as error:
            raise type(error)(f"{error.message}; {self._now()}", hint=error.hint) from error

    def _now(self) -> str:
        try:
            servers = self._servers()
        except TrafficError as error:
            return f"what HAProxy has now is unknown ({error.message})"
        green = self._percent(servers)
        have = ", ".join(f"{name} {server.share}{' in maintenance' * server.in_maintenance}" for name, server in servers.items())
        return f"HAProxy has now: {have}, so green gets {green:g} %"

    def _reading(self, backend: Backend) -> TrafficReading:
        servers = {name: backend.servers[name] for name in self._ours}
        return TrafficReading(
            green_percent=self._percent(servers),
            blue=answers.counters((servers[name] for name in self._config.blue), backend.mode),
            green=answers.counters((servers[name] for name in self._config.green), backend.mode),
            servers={name: server.share for name, server in servers.items()},
            green_sessions=answers.still_open(servers, self._config.green),
            blue_sessions=answers.still_open(servers, self._config.blue),
        )

    def _percent(self, servers: Mapping[str, Server]) -> float:
        blue, green = (sum(servers[name].share for name in side) for side in (self._config.blue, self._config.green))
        return round(100 * green / (blue + green), 1) if blue + green else 0.0

    def _wanted(self, green_percent: float) -> dict[str, int]:
        shares = {name: (100 - green_percent) / len(self._config.blue) for name in self._config.blue}
        shares |= {name: green_percent / len(self._config.green) for name in self._config.green}
        # Whole shares can be weights as they are, and a person reads them in `show stat`.
        scale = 1.0 if all(share == int(share) for share in shares.values()) else _HIGHEST / max(shares.values())
        # A small share must not be rounded to nothing.
        return {name: max(1, round(share * scale)) if share else 0 for name, share in shares.items()}

    def _set(self, server: str, what: str) -> None:
        self._api.tell(self._setting(server, what))

    def _setting(self, server: str, what: str) -> str:
        return f"set server {self._config.backend}/{server} {what}"

    def _servers(self) -> dict[str, Server]:
        servers = self._backend().servers
        return {name: servers[name] for name in self._ours}

    def _backend(self) -> Backend:
        """Return the backend; raises TrafficError when it, or a server of ours, is not there."""
        name = self._config.backend
        begins = (answers.STAT_BEGINS, answers.STATE_BEGINS)
        try:
            stat, state = self._api.show_both("show stat", f"show servers state {name}", begins=begins)
        except TrafficError:
            # HAProxy does not say which backends there are, its statistics do.
            answers.read_stat(self._api.show("show stat", begins=answers.STAT_BEGINS), name)
            raise
        backend = answers.read_backend(name, answers.read_stat(stat, name), answers.read_state(state, name))
        backend.require(self._ours)
        return backend

    def _try_weight(self, backend: Backend) -> None:
        """Set a weight that differs from the configured one on a server of green that gets nothing meanwhile, and set it back.

        A static algorithm takes 0 and the configured weight only (src/server.c: server_parse_weight_change_request).
        """
        server = backend.servers[self._config.green[0]]
        # A trial would move requests of clients.
        if any(backend.servers[name].share for name in self._config.green):
            return  # it has its share of an earlier run already
        ready = not server.out_of_service
        if ready:
            self._set(server.name, "state drain")
        try:
            self._set(server.name, f"weight {1 if server.configured_weight != 1 else 2}")
            self._set(server.name, f"weight {server.weight}")
        finally:
            if ready:
                self._set(server.name, "state ready")

    def _notices(self, backend: Backend) -> Iterator[str]:
        alone = len(self._config.instances) < 2
        peers, config = self._api.show("show peers", begins=""), self._restart.config()
        yield from notices(backend, peers, config, blue=self._config.blue, alone=alone)
        yield from self._restart.notices(self._wanted(100))


def _as_wanted(servers: Mapping[str, Server], wanted: Mapping[str, int], *, back: bool) -> bool:
    return all(
        servers[name].share == weight or (back and servers[name].stays_out and servers[name].weight == weight)
        for name, weight in wanted.items()
    )


def _gaining(wanted: Mapping[str, int], before: Mapping[str, Server]) -> dict[str, int]:
    return {name: wanted[name] for name, server in before.items() if wanted[name] > server.share}
