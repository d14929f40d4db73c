"""What a start of HAProxy makes of the shares that it has now: its state file keeps them, or lines of haproxy.cfg do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from migrator.errors import TrafficError
from migrator.model.traffic import Announce
from migrator.traffic.backend import Server
from migrator.traffic.machine import Reached
from migrator.traffic.next_start import keeps_shares, lines_to_change, loads_state, reads_another_state_file, weights_written
from migrator.traffic.runtime_api import RuntimeApi
from migrator.traffic.start_options import StartOptions, pins_ports, read_start_options
from migrator.traffic.state_file import StateFile
from migrator.traffic.suitability import notices_of_start

if TYPE_CHECKING:
    from migrator.traffic.configuration_file import ConfigurationFile

PID = re.compile(r"^Pid: (\d+)$", re.MULTILINE)
"""In `show info`."""


class Restart:
    """The files that the next start of one HAProxy reads, as far as they are seen from here."""

    def __init__(self, api: RuntimeApi, reached: Reached, backend: str) -> None:
        self._api = api
        self._backend = backend
        self._machine = reached.machine
        self._configuration = reached.configuration
        self._state_file = StateFile(reached.state_file, reached.machine) if reached.state_file else None

    def require_usable(self) -> None:
        """Raise TrafficError where the state file could not be written."""
        if self._state_file:
            self._state_file.require_usable()

    def config(self) -> str:
        """Return haproxy.cfg as its process reads it, empty where nobody sees it from here."""
        options = self._options(self._info())
        return options.config if options else ""

    def keep(self, servers: Iterable[Server]) -> None:
        """Write the servers' state into the state file, where there is one; raises TrafficError."""
        if not self._state_file:
            return
        info = self._info()
        options = self._options(info)
        written = weights_written(options.config, self._backend) if options else {}
        self._state_file.keep(servers, written, pin_ports=bool(pins_ports(info, options)))

    def lost(self, read_shares: Callable[[], Mapping[str, int]], announce: Announce | None) -> tuple[str, ...]:
        """Return which shares a start would lose, with the lines of haproxy.cfg to change; nothing when it keeps all.

        The shares are read only where haproxy.cfg is seen, or no state file keeps them. With `announce` these lines are
        changed, where `configuration` says so.
        """
        info = self._info()
        options = self._options(info)
        keeping = self._state_file if self._keeps_state(options) else None
        if keeping and not options:
            return ()
        shares, config = read_shares(), options.config if options else ""
        if keeping and keeps_shares(config, self._backend, keeping.kept(self._backend), shares):
            return ()
        lines = lines_to_change(config, self._backend, shares)
        if keeping and not lines:
            return (
                f"a restart of HAProxy would lose these weights: {keeping.path} has others; take these servers' lines out there",
            )
        if not lines:
            return ()
        if announce and self._configuration != "print":
            self._file(info, options).write(shares, announce)
            return ()
        where = f"backend {self._backend} of haproxy.cfg"
        return (f"a restart of HAProxy would lose these weights: in {where} they are kept by `{'`, `'.join(lines)}`",)

    def notices(self, shares: Mapping[str, int]) -> Iterator[str]:
        """Yield what a person should know of a start after a cutover that ends with these shares; raises TrafficError."""
        info = self._info()
        options = self._options(info)
        yield from notices_of_start(info, options, str(self._state_file.path) if self._state_file else "")
        if self._configuration != "print" and not self._keeps_state(options):
            change = self._file(info, options).change(shares)
            lines = f"`{'`, `'.join(change.lines)}`; " if change.lines else ""
            yield f"at the end of a cutover {change.file} is changed: {lines}{change.copy} keeps it as it was; nothing is reloaded"

    def _keeps_state(self, options: StartOptions | None) -> bool:
        if self._state_file is None or options is None:
            return self._state_file is not None
        seen = options.config, self._backend
        return loads_state(*seen) and not reads_another_state_file(*seen, self._state_file.path)

    def _file(self, info: str, options: StartOptions | None) -> ConfigurationFile:
        """Return the file that the next start reads; raises TrafficError where nobody sees which that is."""
        from migrator.traffic.configuration_file import ConfigurationFile

        found = PID.search(info)
        if not (found and options and self._machine):
            raise TrafficError(
                "haproxy: haproxy.cfg is not found: HAProxy's process and its files are not seen from here",
                hint="does it run in a container, or as another user? take `configuration` out and change the lines yourself",
            )
        managed_too = self._configuration == "write-managed"
        return ConfigurationFile(self._machine, int(found[1]), options, self._backend, managed_too=managed_too)

    def _info(self) -> str:
        return self._api.show("show info", begins="Name:")

    def _options(self, info: str) -> StartOptions | None:
        found = PID.search(info)
        return read_start_options(int(found[1]), self._machine) if found and self._machine else None
