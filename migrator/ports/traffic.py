"""What the phases need from what leads traffic, and from what answers it."""

from __future__ import annotations

from typing import Protocol

from migrator.config.schema import Probe
from migrator.model.traffic import Abilities, Announce, TrafficReading, Withdrawal
from migrator.model.verdict import Finding


class TrafficSwitch(Protocol):
    """What leads traffic to both clusters: a load balancer, a name, or several of them that move together."""

    def abilities(self) -> Abilities:
        """Return what it can do; raises TrafficError where it has to be asked and does not answer."""

    def read(self) -> TrafficReading:
        """Return weights and counters; raises TrafficError."""

    def require_shares(self) -> tuple[str, ...]:
        """Return what a person should know before a cutover; raises TrafficError with the hint when shares cannot be set."""

    def prepare(self) -> float:
        """Shorten the time that clients may stay behind, such as a TTL; return the seconds until that counts, 0 for nothing.

        Raises TrafficError.
        """

    def after_restart(self, announce: Announce | None = None) -> tuple[str, ...]:
        """Return what a restart of the switch would lose of what was set, and what keeps it.

        With `announce` that is written into the switch's configuration first, where the person asked for it. Raises TrafficError,
        also when it could not be written.
        """

    def shift(self, green_percent: float) -> TrafficReading:
        """Set the share of green, keep it across a restart, read it back and return that; 0 withdraws and ends connections.

        Raises TrafficError; when something was changed by then, it says what the load balancer has now.
        """

    def end_on_blue(self) -> dict[str, int]:
        """End what is open on blue, once all traffic is on green; return how many by server, nothing where it cannot.

        Raises TrafficError, and does so while blue still has a share.
        """

    def withdraw(self, *, end_connections: bool) -> Withdrawal:
        """Move all traffic to blue, also that of clients which are bound to green; end what is open on green, or count it.

        Raises TrafficError as `shift` does, and when blue cannot take the traffic: green then keeps its own.
        """


class Prober(Protocol):
    """Asks the person's probes."""

    def probe(self, probe: Probe) -> Finding:
        """Return what came of one probe, within its timeout."""
