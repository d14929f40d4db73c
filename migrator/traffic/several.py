"""Several switches that move together: one that does not take its share takes all of them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from migrator.errors import MigratorError, TrafficError
from migrator.model.traffic import Abilities, Announce, TrafficReading, Withdrawal
from migrator.traffic.together import ask_all, first_hint, named, summed, told

if TYPE_CHECKING:
    from migrator.ports import TrafficSwitch


class Several:
    """Switches by name; each is told, and each is read back."""

    def __init__(self, switches: Mapping[str, TrafficSwitch]) -> None:
        self._switches = dict(switches)

    def abilities(self) -> Abilities:
        """Return what all of them can do."""
        found, errors = ask_all(self._switches, lambda switch: switch.abilities())
        _require(errors)
        return Abilities.together(found.values())

    def read(self) -> TrafficReading:
        """Return the sum of their counters, and the smallest and largest share; raises TrafficError when one does not answer."""
        return summed(self._readings())

    def require_shares(self) -> tuple[str, ...]:
        """Return what a person should know of each; raises TrafficError for the first that cannot set shares."""
        found, errors = ask_all(self._switches, lambda switch: switch.require_shares())
        _require(errors)
        return tuple(f"{name}: {notice}" for name, notices in found.items() for notice in notices)

    def prepare(self) -> float:
        """Prepare each; return the longest time until it counts."""
        found, errors = ask_all(self._switches, lambda switch: switch.prepare())
        _require(errors)
        return max(found.values())

    def after_restart(self, announce: Announce | None = None) -> tuple[str, ...]:
        """Return what a restart of each would lose; with `announce` one is written after the other, whatever comes of the first."""
        found: dict[str, tuple[str, ...]] = {}
        errors: dict[str, Exception] = {}
        for name, switch in self._switches.items():
            try:
                found[name] = switch.after_restart(announce)
            except MigratorError as error:
                errors[name] = error
        _require(errors)
        return tuple(f"{name}: {notice}" for name, notices in found.items() for notice in notices)

    def shift(self, green_percent: float) -> TrafficReading:
        """Set the share of green at one after the other; when one fails, those before it, and it, get their old share back."""
        # On the way back nobody waits for another one.
        if not green_percent:
            return self.withdraw(end_connections=True).reading
        before = {name: reading.green_percent for name, reading in self._readings().items()}
        begun: list[str] = []
        for name, switch in self._switches.items():
            # Before it is told: one that fails may have changed something.
            begun.append(name)
            try:
                switch.shift(green_percent)
            except MigratorError as error:
                raise TrafficError(f"{name}: {error.message}; {self._put_back(begun, before)}", hint=error.hint) from error
        return self.read()

    def end_on_blue(self) -> dict[str, int]:
        """End what is open on blue at each."""
        found, errors = ask_all(self._switches, lambda switch: switch.end_on_blue())
        _require(errors)
        return named(found)

    def withdraw(self, *, end_connections: bool) -> Withdrawal:
        """Move all traffic to blue at all of them at once; one that cannot keeps nobody from it, and is named."""
        done, errors = ask_all(self._switches, lambda switch: switch.withdraw(end_connections=end_connections))
        if errors:
            elsewhere = f"; on blue: {', '.join(done)}" if done else ""
            raise TrafficError(f"{told(errors)}{elsewhere}", hint=first_hint(errors))
        return self.joined(done)

    @staticmethod
    def joined(done: Mapping[str, Withdrawal]) -> Withdrawal:
        """Return several withdrawals as one."""
        return Withdrawal(
            summed({name: item.reading for name, item in done.items()}),
            named({name: item.ended for name, item in done.items()}),
            tuple(f"{name}: {text}" for name, item in done.items() for text in item.missed),
            max(item.stale_seconds for item in done.values()),
            tuple(f"{name}: {text}" for name, item in done.items() for text in item.lacking),
        )

    def _readings(self) -> dict[str, TrafficReading]:
        found, errors = ask_all(self._switches, lambda switch: switch.read())
        _require(errors)
        return found

    def _put_back(self, begun: list[str], before: Mapping[str, float]) -> str:
        """Give those that were told their old share; return what came of it."""

        def back(name: str) -> TrafficReading:
            return self._switches[name].shift(before[name])

        _, errors = ask_all({name: name for name in begun}, back)
        return f"not put back: {told(errors)}" if errors else f"all have the share that they had before ({', '.join(begun)})"


def _require(errors: Mapping[str, Exception]) -> None:
    if errors:
        raise TrafficError(told(errors), hint=first_hint(errors))
