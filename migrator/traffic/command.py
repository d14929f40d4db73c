"""A program of the person's own as a switch: one command sets green's share, one prints it, and what it prints is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from migrator.adapters.limited import run_limited
from migrator.config.command import PERCENT, CommandConfig
from migrator.errors import CommandFailedError, TrafficError
from migrator.model.traffic import NOTHING_COUNTED, Abilities, Announce, SideCounters, TrafficReading, Withdrawal
from migrator.untrusted import printable

# The contract's limit (docs/traffic.md): the answer is one small JSON object.
_MOST_BYTES = 64 << 10
# Percent by which what is read back may miss what was set.
_READ_BACK = 1.0
# Of its complaint, in one line.
_WORDS = 200

Count = Annotated[int, Field(ge=0, le=1 << 62)]


class _Side(BaseModel):
    """The counters of one side, as the program prints them."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    requests: Count = 0
    errors: Count = 0
    latency_ms: Annotated[float, Field(alias="latencyMs", ge=0)] = 0.0
    sessions: Count = 0

    @property
    def counters(self) -> SideCounters:
        """The same for the phases."""
        return SideCounters(self.requests, self.errors, self.latency_ms, self.sessions)


class _Answer(BaseModel):
    """What `read` prints."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    green_percent: Annotated[float, Field(alias="greenPercent", ge=0, le=100)]
    blue: _Side | None = None
    green: _Side | None = None


class Command:
    """Two programs, started without a shell in the folder of the file."""

    def __init__(self, config: CommandConfig, *, relative_to: Path) -> None:
        self._config = config
        self._folder = relative_to

    def abilities(self) -> Abilities:
        """Return what the file says of it; no program is asked."""
        config = self._config
        uncounted = () if config.counters else config.places
        return Abilities(config.levels, config.counters, uncounted, config.stale.total_seconds())

    def read(self) -> TrafficReading:
        """Return what `read` prints; raises TrafficError when it fails, is silent, or prints something else."""
        answer = self._answer()
        if self._config.counters and (answer.blue is None or answer.green is None):
            hint = "print blue and green, or say `counters: false`"
            raise TrafficError(f"command {self._config.name}: `read` prints no counters", hint=hint)
        return self._reading(answer)

    def _reading(self, answer: _Answer) -> TrafficReading:
        counted = self._config.counters
        blue, green = (side.counters if side and counted else NOTHING_COUNTED for side in (answer.blue, answer.green))
        on_green, on_blue = ({name: side.sessions} if side.sessions else {} for name, side in (("green", green), ("blue", blue)))
        share = round(answer.green_percent, 1)
        return TrafficReading(share, blue, green, {"blue": round(100 - share), "green": round(share)}, on_green, on_blue)

    def require_shares(self) -> tuple[str, ...]:
        """Return nothing to know; raises TrafficError when `read` does not answer."""
        self.read()
        return ()

    def prepare(self) -> float:
        """Do nothing: it is the program's own."""
        return 0.0

    def after_restart(self, announce: Announce | None = None) -> tuple[str, ...]:  # noqa: ARG002 - there is no file to write
        """Return nothing: what it keeps is the program's own."""
        return ()

    def shift(self, green_percent: float) -> TrafficReading:
        """Run `set`, then `read`; raises TrafficError when one fails, or the share is another one."""
        if self._config.levels and green_percent not in self._config.levels:
            what = f"command {self._config.name} cannot have {green_percent:g} % on green"
            raise TrafficError(f"{what}, only 0 or 100", hint="correct `steps`")
        self._set(green_percent)
        return self._read_back(green_percent, self.read())

    def _set(self, green_percent: float) -> None:
        self._run(tuple(word.replace(PERCENT, f"{green_percent:g}") for word in self._config.set))

    def _read_back(self, green_percent: float, reading: TrafficReading) -> TrafficReading:
        if abs(reading.green_percent - green_percent) > _READ_BACK:
            raise TrafficError(
                f"command {self._config.name}: green has {reading.green_percent:g} % after `set` of {green_percent:g} %",
                hint="does `set` return before it is done?",
            )
        return reading

    def end_on_blue(self) -> dict[str, int]:
        """Return nothing: that is the program's own."""
        return {}

    def withdraw(self, *, end_connections: bool) -> Withdrawal:
        """Set 0, whatever `read` says before; what is open on green is the program's own to end."""
        del end_connections
        try:
            before = self._answer().green_percent
        except TrafficError:
            before = 100.0  # unknown
        self._set(0)
        # Without the counters, for which it may ask a side that is down.
        reading = self._read_back(0, self._reading(self._answer()))
        return Withdrawal(reading, {}, stale_seconds=self._config.stale.total_seconds() if before else 0.0)

    def _answer(self) -> _Answer:
        text = self._run(self._config.read)
        try:
            return _Answer.model_validate_json(text)
        except ValidationError as error:
            item = error.errors(include_url=False)[0]
            why = f"{'.'.join(str(part) for part in item['loc'])} {item['msg']}".strip()
            said = printable(text.strip())[:_WORDS] or "nothing"
            hint = 'one JSON object, such as {"greenPercent": 25}'
            raise TrafficError(f"command {self._config.name}: `read` prints {said}: {printable(why)}", hint=hint) from None

    def _run(self, command: tuple[str, ...]) -> str:
        try:
            return run_limited(command, seconds=self._config.timeout.total_seconds(), most=_MOST_BYTES, folder=self._folder)
        except CommandFailedError as error:
            said = " ".join(error.output.split())[:_WORDS]
            raise TrafficError(
                f"command {self._config.name}: {error.brief}{f': {said}' if said else ''}", hint="run it by hand"
            ) from error
