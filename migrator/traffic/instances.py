"""Several instances of one load balancer, such as a pair with keepalived: every command goes to all of them.

Traffic meets only one of them at a time, and nobody knows which one it will be tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from migrator.errors import TrafficError
from migrator.model.traffic import Abilities, Announce, TrafficReading, Withdrawal
from migrator.traffic.several import Several
from migrator.traffic.together import ask_all, first_hint, told

if TYPE_CHECKING:
    from migrator.ports import TrafficSwitch


class Instances:
    """Instances by name. One that does not answer is named; on the way back it keeps nobody from it."""

    def __init__(self, instances: Mapping[str, TrafficSwitch], *, may_lack: bool, patience: float) -> None:
        """Take the instances.

        `may_lack`: whether a cutover goes on without one that does not answer. `patience`: seconds that an instance has
        to answer after another one did.
        """
        self._instances = dict(instances)
        self._may_lack = may_lack
        self._patience = patience

    def abilities(self) -> Abilities:
        """Return what all of them can do; no instance is asked for it."""
        return Abilities.together(instance.abilities() for instance in self._instances.values())

    def read(self) -> TrafficReading:
        """Return the sum of all; raises TrafficError when one does not answer, unless that is allowed: then it is named."""
        living, silent = self._reached()
        return replace(self._required(living, silent).read(), silent=tuple(silent))

    def require_shares(self) -> tuple[str, ...]:
        """Return what a person should know of each, and who does not answer."""
        living, silent = self._reached()
        notices = self._required(living, silent).require_shares()
        lacking = (f"{name} does not answer and is left out: it has its old weights when it comes back" for name in silent)
        return (*notices, *lacking)

    def prepare(self) -> float:
        """Prepare all."""
        return self._answering().prepare()

    def after_restart(self, announce: Announce | None = None) -> tuple[str, ...]:
        """Return what a restart of each that answers would lose, and write it first where that is asked."""
        living, silent = self._reached()
        if not living:
            raise TrafficError(told(silent), hint=first_hint(silent))
        return Several(living).after_restart(announce)

    def shift(self, green_percent: float) -> TrafficReading:
        """Set the share of green at all; when one does not take it, all have their old one."""
        if not green_percent:
            return self.withdraw(end_connections=True).reading
        return self._answering().shift(green_percent)

    def end_on_blue(self) -> dict[str, int]:
        """End what is open on blue at all that answer."""
        return self._answering().end_on_blue()

    def withdraw(self, *, end_connections: bool) -> Withdrawal:
        """Move all traffic to blue at all that answer; the others are named. Raises TrafficError when none answers."""
        living, silent = self._reached()
        done, failed = ask_all(living, lambda instance: instance.withdraw(end_connections=end_connections))
        if not done:
            errors = {**silent, **failed}
            raise TrafficError(told(errors), hint=first_hint(errors))
        whole = Several.joined(done)
        missed = [f"{told({name: error})}: it will send traffic to green if it takes over" for name, error in silent.items()]
        missed += [told({name: error}) for name, error in failed.items()]
        return replace(whole, missed=(*whole.missed, *missed))

    def _reached(self) -> tuple[dict[str, TrafficSwitch], dict[str, Exception]]:
        _, silent = ask_all(self._instances, lambda instance: instance.read(), patience=self._patience)
        return {name: instance for name, instance in self._instances.items() if name not in silent}, silent

    def _answering(self) -> Several:
        return self._required(*self._reached())

    def _required(self, living: dict[str, TrafficSwitch], silent: dict[str, Exception]) -> Several:
        if silent and not (self._may_lack and living):
            hint = first_hint(silent)
            if living:
                hint = f"{hint} `unreachable: warn` continues without it".strip()
            raise TrafficError(told(silent), hint=hint)
        return Several(living)
