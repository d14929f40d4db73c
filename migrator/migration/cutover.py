"""Switch traffic from blue to green in steps, each watched and judged; a gate that fails moves all of it back."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.config.schema import Gates, Probe, Traffic
from migrator.errors import BlockedError, GateFailedError, MigratorError
from migrator.journal.records.migration import GateFailed, GatePassed, Sampled, ShiftAnnounced, Shifted, SideSample
from migrator.migration.run import Run
from migrator.migration.state import Stage, State
from migrator.model.events import Note, Progress, Step
from migrator.model.traffic import SideCounters
from migrator.model.verdict import Severity
from migrator.ports import Clock, Prober, TrafficSwitch

_SAMPLE_SECONDS = 1.0
_ENOUGH_TO_JUDGE_EARLY = 20
"""Requests after which a bad rate ends a step before its soak is over; one early error must not."""
_PATIENCE_FOR_TRAFFIC = 4
"""Soak times to wait for `gates.minRequests` before a step counts as unproven."""


@dataclass(slots=True, frozen=True)
class CutoverInputs:
    """What a cutover is judged by."""

    traffic: Traffic
    gates: Gates
    probes: tuple[Probe, ...]


def require_verdict(state: State, gates: Gates, clock: Clock) -> None:
    """Raise BlockedError unless a good and fresh verdict stands in the journal."""
    if state.stage is Stage.RETIRED:
        raise BlockedError("this migration is retired", hint="start a new one with another name")
    if state.stage is Stage.ON_GREEN:
        raise BlockedError("all traffic is on green already", hint="`migrator status` shows where things stand")
    if state.stage is Stage.CUTTING_OVER:
        return  # an interrupted cutover had its verdict; its gates judge every step anew
    if state.good_verdict_at is None:
        raise BlockedError("there is no good verdict since the last copy", hint="run `migrator validate` first")
    age = clock.now() - state.good_verdict_at
    if age > gates.verdict_age.total_seconds():
        raise BlockedError(f"the last good verdict is {age / 60:.0f} minutes old", hint="run `migrator validate` again")


def shift_traffic(inputs: CutoverInputs, switch: TrafficSwitch, prober: Prober, *, run: Run) -> None:
    """Move traffic step by step; raises GateFailedError, with all traffic back on blue, when a gate says no.

    Interrupted, it goes on from the share that green has.
    """
    try:
        for percent in inputs.traffic.steps:
            if percent >= run.state.green_percent or percent == inputs.traffic.steps[-1]:
                _step(percent, inputs, switch, prober, run=run)
    except (MigratorError, KeyboardInterrupt) as error:
        reason = error.message if isinstance(error, MigratorError) else "interrupted by ^C"
        run.write(GateFailed(reason, run.state.green_percent))
        run.reporter.emit(Note(f"{reason}: all traffic goes back to blue", warning=True))
        shift(0, switch, run)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise GateFailedError(f"{reason}; all traffic is back on blue", hint=error.hint or "see `migrator report`") from error


def shift(percent: float, switch: TrafficSwitch, run: Run) -> None:
    """Announce a share in the journal, set it, and record what was read back."""
    run.write(ShiftAnnounced(percent))
    run.ledger.sync()
    reading = switch.shift(percent)
    run.write(Shifted(reading.green_percent, dict(reading.servers)))


def _step(percent: float, inputs: CutoverInputs, switch: TrafficSwitch, prober: Prober, *, run: Run) -> None:
    run.reporter.emit(Step(f"{percent:g} % of traffic to green"))
    before = switch.read()
    shift(percent, switch, run)
    soak = inputs.traffic.soak.total_seconds()
    began = run.clock.monotonic()
    while True:
        run.clock.sleep(min(_SAMPLE_SECONDS, max(soak / 5, 0.05)))
        reading = switch.read()
        green, blue = reading.green.since(before.green), reading.blue.since(before.blue)
        passed = run.clock.monotonic() - began
        run.write(Sampled(reading.green_percent, SideSample.of(green), SideSample.of(blue)))
        run.reporter.emit(
            Progress(
                f"{percent:g} %: {green.requests} requests on green, {green.errors} errors, {green.latency_ms:.0f} ms",
                int(passed),
                int(soak),
            )
        )
        if abs(reading.green_percent - percent) > 1:
            raise GateFailedError(f"weights were changed from outside: green has {reading.green_percent:g} %, not {percent:g} %")
        if green.requests >= _ENOUGH_TO_JUDGE_EARLY:
            _judge(green, inputs.gates)
        enough = green.requests >= inputs.gates.min_requests
        if passed >= soak and (enough or passed >= soak * _PATIENCE_FOR_TRAFFIC):
            break
    if not enough:
        wanted = inputs.gates.min_requests
        raise GateFailedError(
            f"green answered {green.requests} requests at {percent:g} %, and gates.minRequests is {wanted}: nothing is proven",
            hint="is there traffic? gates.minRequests: 0 accepts silence",
        )
    _judge(green, inputs.gates)
    for probe in inputs.probes:
        finding = prober.probe(probe)
        if finding.severity is not Severity.OK:
            raise GateFailedError(f"probe {finding.subject} at {percent:g} %: {finding.reason}", hint=finding.cure)
    run.write(GatePassed(percent=percent, requests=green.requests, errors=green.errors, latency_ms=green.latency_ms))


def _judge(green: SideCounters, gates: Gates) -> None:
    if green.requests and green.error_rate > gates.error_rate:
        share = f"{green.error_rate:.1%}; gates.errorRate is {gates.error_rate:.1%}"
        raise GateFailedError(f"{green.errors} of {green.requests} requests on green failed ({share})")
    if gates.latency is not None and green.requests and green.latency_ms > gates.latency.total_seconds() * 1000:
        limit = gates.latency.total_seconds() * 1000
        raise GateFailedError(f"green answers in {green.latency_ms:.0f} ms (gates.latency is {limit:.0f} ms)")
