"""A load balancer with traffic on it, and what asks and runs beside it."""

from __future__ import annotations

from collections.abc import Callable

from migrator.config.schema import Probe
from migrator.errors import CommandFailedError, TrafficError
from migrator.model.traffic import Abilities, Announce, SideCounters, TrafficReading, Withdrawal
from migrator.model.verdict import Finding, Severity
from tests.support.clock import FakeClock

_FULL_WEIGHT = 256


class FakeSwitch:
    """Fills the `TrafficSwitch` port: requests are counted by the clock, and split by weight."""

    def __init__(self, clock: FakeClock, *, per_second: float = 100.0, percent: float = 0.0) -> None:
        self.clock = clock
        self.per_second = per_second
        self.percent = percent
        self.error_rate: Callable[[float], float] = lambda _percent: 0.0
        """Share of green's requests that fail, by green's percent of the traffic."""
        self.latency_ms: Callable[[float], float] = lambda _percent: 5.0
        """Response time of green, by its percent of the traffic."""
        self.blue_sessions = 0
        self.notices: tuple[str, ...] = ()
        """What a person should know before a cutover."""
        self.unfit = ""
        """Why shares cannot be set."""
        self.open_on_green = 0
        """Connections that do not end by themselves."""
        self.stays = False
        """Whether they stay when they are told to end."""
        self.mute = False
        """Whether it does not answer."""
        self.prepares: Callable[[], float] = lambda: 0.0
        self.restarts: Callable[[Announce | None], tuple[str, ...]] = lambda _announce: ()
        self.before_shift: Callable[[float], None] = lambda _percent: None
        self.shift_seconds = 0.0
        """How long a shift takes."""
        self.refused: set[float] = set()
        """Percents that it does not take."""
        self.complains = ""
        """What it says after it has set the weights."""
        self.shifts: list[float] = []
        self.can = Abilities()
        """What it can do."""
        self._at = clock.monotonic()
        self._blue = self._green = self._errors = 0.0

    def abilities(self) -> Abilities:
        """Return what a test says it can do."""
        if self.mute:
            raise TrafficError("haproxy does not answer")
        return self.can

    def read(self) -> TrafficReading:
        """Return weights and counters."""
        if self.mute:
            raise TrafficError("haproxy does not answer")
        self._count()
        if not self.can.counters:
            self._blue = self._green = self._errors = 0.0
        green_weight = round(self.percent / 100 * _FULL_WEIGHT)
        return TrafficReading(
            self.percent,
            SideCounters(round(self._blue), 0, 4.0, self.blue_sessions),
            SideCounters(round(self._green), round(self._errors), self.latency_ms(self.percent), 1),
            {"blue": _FULL_WEIGHT - green_weight, "green": green_weight},
            {"green": self.open_on_green} if self.open_on_green else {},
            {"blue": self.blue_sessions} if self.blue_sessions else {},
        )

    def require_shares(self) -> tuple[str, ...]:
        """Return the notices."""
        if self.unfit:
            raise TrafficError(self.unfit, hint="`balance roundrobin`")
        return self.notices

    def prepare(self) -> float:
        """Do what a test says."""
        return self.prepares()

    def after_restart(self, announce: Announce | None = None) -> tuple[str, ...]:
        """Do what a test says."""
        return self.restarts(announce)

    def end_on_blue(self) -> dict[str, int]:
        """End what is open on blue."""
        ended, self.blue_sessions = self.blue_sessions, 0
        return {"blue": ended} if ended else {}

    def withdraw(self, *, end_connections: bool) -> Withdrawal:
        """Move all traffic to blue."""
        ended = {"green": self.open_on_green} if self.open_on_green and end_connections and not self.stays else {}
        if ended:
            self.open_on_green = 0
        return Withdrawal(self.shift(0), ended)

    def shift(self, green_percent: float) -> TrafficReading:
        """Set green's share."""
        self._count()
        self.before_shift(green_percent)
        if self.can.levels and green_percent not in self.can.levels:
            raise TrafficError(f"it cannot have {green_percent:g} % on green")
        if green_percent in self.refused:
            raise TrafficError(f"haproxy does not take {green_percent:g} %", hint="look at its log")
        self.clock.pass_time(self.shift_seconds)
        self.percent = green_percent
        self.shifts.append(green_percent)
        if self.complains:
            raise TrafficError(self.complains)
        return self.read()

    def _count(self) -> None:
        """Count the requests since the last look."""
        passed, self._at = self.clock.monotonic() - self._at, self.clock.monotonic()
        green = passed * self.per_second * self.percent / 100
        self._green += green
        self._blue += passed * self.per_second - green
        self._errors += green * self.error_rate(self.percent)


class FakeProber:
    """Fills the `Prober` port; all is well but for what a test says."""

    def __init__(self, **reasons: str) -> None:
        self.reasons = reasons
        """Name of a probe to why it fails."""
        self.asked: list[str] = []

    def probe(self, probe: Probe) -> Finding:
        """Return what a test says of a probe."""
        self.asked.append(probe.name)
        if probe.name in self.reasons:
            return Finding("probe", probe.name, Severity.FAILURE, self.reasons[probe.name], "look at its log")
        return Finding("probe", probe.name, Severity.OK)


class FakeRunner:
    """Fills the `CommandRunner` port; runs what a test puts in a program's place."""

    def __init__(self, *, failing: str = "") -> None:
        self.failing = failing
        """The program that fails."""
        self.effects: dict[str, Callable[[], object]] = {}
        """Program to what it does."""
        self.ran: list[tuple[str, ...]] = []

    def run(self, command: tuple[str, ...], timeout: float) -> None:
        """Remember a command."""
        assert timeout > 0
        self.ran.append(command)
        self.effects.get(command[0], lambda: None)()
        if command[0] == self.failing:
            raise CommandFailedError(command[0], 1, "no")


class FakeRegistry:
    """Fills the `ImageRegistry` port; every image exists for these architectures."""

    def __init__(self, *architectures: str) -> None:
        self._architectures = frozenset(architectures or ("amd64", "arm64"))

    def architectures(self, image: str) -> frozenset[str]:
        """Return the architectures."""
        assert image
        return self._architectures
