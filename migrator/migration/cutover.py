"""Shift traffic from blue to green in steps. Each step is watched and judged; a gate that fails shifts all traffic back."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.config.schema import Gates, Probe, Traffic
from migrator.errors import BlockedError, GateFailedError, MigratorError
from migrator.journal.records.traffic import GateFailed, GatePassed, Sampled, ShiftAnnounced, Shifted, SideSample
from migrator.migration.run import Run
from migrator.migration.state import Stage, State
from migrator.model.events import Note, Progress, Step
from migrator.model.traffic import SideCounters, TrafficReading
from migrator.model.verdict import Severity
from migrator.ports import Clock, Prober, TrafficSwitch

_SAMPLE_SECONDS = 1.0
_EARLY_JUDGEMENT_REQUESTS = 20
"""Requests from which on a high error rate ends a step before its soak time; one early error must not."""
_MAX_SOAK_TIMES = 4
"""Soak times that a step waits for `gates.minRequests` before it fails."""


@dataclass(slots=True, frozen=True)
class CutoverInputs:
    """What a cutover shifts, and what judges it."""

    traffic: Traffic
    gates: Gates
    probes: tuple[Probe, ...]
    switch: TrafficSwitch
    prober: Prober


def require_verdict(state: State, gates: Gates, clock: Clock) -> None:
    """Raise BlockedError unless the journal holds a good verdict that is not too old."""
    if state.stage is Stage.RETIRED:
        raise BlockedError("this migration is retired", hint="start a new one with another name")
    if state.stage is Stage.ON_GREEN:
        raise BlockedError("all traffic is on green already", hint="`migrator status` shows where things stand")
    if state.stage is Stage.CUTTING_OVER:
        return  # an interrupted cutover had its verdict; its gates judge every step again
    if state.good_verdict_at is None:
        raise BlockedError("there is no good verdict since the last copy", hint="run `migrator validate` first")
    age = clock.now() - state.good_verdict_at
    if age > gates.verdict_age.total_seconds():
        raise BlockedError(f"the last good verdict is {age / 60:.0f} minutes old", hint="run `migrator validate` again")


def shift_traffic(inputs: CutoverInputs, run: Run) -> None:
    """Shift traffic step by step, starting at the share that green has.

    When a gate fails, shifts all traffic back to blue and raises GateFailedError. Raises TrafficError when that fails, too.
    """
    steps = inputs.traffic.steps
    try:
        for percent in steps:
            if percent >= run.state.green_percent or percent == steps[-1]:
                _step(percent, inputs, run)
    except (MigratorError, KeyboardInterrupt) as error:
        reason = error.message if isinstance(error, MigratorError) else "interrupted by ^C"
        run.write(GateFailed(reason, run.state.green_percent))
        run.reporter.emit(Note(f"{reason}: all traffic goes back to blue", warning=True))
        shift(0, inputs.switch, run)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise GateFailedError(f"{reason}; all traffic is back on blue", hint=error.hint or "see `migrator report`") from error


def shift(percent: float, switch: TrafficSwitch, run: Run) -> None:
    """Announce green's share in the journal, set it, and record the weights that were read back."""
    run.write(ShiftAnnounced(percent))
    run.ledger.sync()
    reading = switch.shift(percent)
    run.write(Shifted(reading.green_percent, dict(reading.servers)))


def _step(percent: float, inputs: CutoverInputs, run: Run) -> None:
    """Shift this share to green, watch it for the soak time, and judge it; raises GateFailedError."""
    run.reporter.emit(Step(f"{percent:g} % of traffic to green"))
    before = inputs.switch.read()
    shift(percent, inputs.switch, run)
    green = _watch(percent, before, inputs, run)
    if green.requests < inputs.gates.min_requests:
        wanted = inputs.gates.min_requests
        raise GateFailedError(
            f"green answered {green.requests} requests at {percent:g} %, and gates.minRequests is {wanted}: nothing is proven",
            hint="is there traffic? gates.minRequests: 0 accepts silence",
        )
    _judge(green, inputs.gates)
    _probe(percent, inputs)
    run.write(GatePassed(percent=percent, requests=green.requests, errors=green.errors, latency_ms=green.latency_ms))


def _watch(percent: float, before: TrafficReading, inputs: CutoverInputs, run: Run) -> SideCounters:
    """Return green's counters of the step once its soak time is over and there were enough requests, or no more time for them."""
    soak = inputs.traffic.soak.total_seconds()
    began = run.clock.monotonic()
    while True:
        run.clock.sleep(min(_SAMPLE_SECONDS, max(soak / 5, 0.05)))
        green = _sample(percent, before, inputs.switch, run)
        passed = run.clock.monotonic() - began
        seen = f"{green.requests} requests on green, {green.errors} errors, {green.latency_ms:.0f} ms"
        run.reporter.emit(Progress(f"{percent:g} %: {seen}", int(passed), int(soak)))
        if green.requests >= _EARLY_JUDGEMENT_REQUESTS:
            _judge(green, inputs.gates)
        enough = green.requests >= inputs.gates.min_requests
        if passed >= soak and (enough or passed >= soak * _MAX_SOAK_TIMES):
            return green


def _sample(percent: float, before: TrafficReading, switch: TrafficSwitch, run: Run) -> SideCounters:
    """Record both sides' counters since `before`; return green's. Raises GateFailedError when somebody changed the weights."""
    reading = switch.read()
    green, blue = reading.green.since(before.green), reading.blue.since(before.blue)
    run.write(Sampled(reading.green_percent, SideSample.of(green), SideSample.of(blue)))
    if abs(reading.green_percent - percent) > 1:
        raise GateFailedError(f"weights were changed from outside: green has {reading.green_percent:g} %, not {percent:g} %")
    return green


def _judge(green: SideCounters, gates: Gates) -> None:
    if green.requests and green.error_rate > gates.error_rate:
        share = f"{green.error_rate:.1%}; gates.errorRate is {gates.error_rate:.1%}"
        raise GateFailedError(f"{green.errors} of {green.requests} requests on green failed ({share})")
    if gates.latency is not None and green.requests and green.latency_ms > gates.latency.total_seconds() * 1000:
        limit = gates.latency.total_seconds() * 1000
        raise GateFailedError(f"green answers in {green.latency_ms:.0f} ms (gates.latency is {limit:.0f} ms)")


def _probe(percent: float, inputs: CutoverInputs) -> None:
    for probe in inputs.probes:
        finding = inputs.prober.probe(probe)
        if finding.severity is not Severity.OK:
            raise GateFailedError(f"probe {finding.subject} at {percent:g} %: {finding.reason}", hint=finding.hint)
