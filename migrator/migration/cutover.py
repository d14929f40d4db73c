"""Shift traffic from blue to green in steps. Each step is watched and judged; a gate that fails shifts all traffic back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from migrator.config.schema import Gates, Probe
from migrator.config.traffic import Course
from migrator.errors import BlockedError, GateFailedError, MigratorError, TrafficError
from migrator.journal.records.traffic import (
    ClocksCompared,
    CutoverEnded,
    CutoverStarted,
    GateFailed,
    GatePassed,
    Sampled,
    ShiftAnnounced,
    Shifted,
    SideSample,
)
from migrator.migration.ages import Moment
from migrator.migration.bounded import reason
from migrator.migration.fence import WayBack
from migrator.migration.gates import ENOUGH_TO_COMPARE, Window, judge, require_enough
from migrator.migration.leaving import counted, wait_until_blue_is_left
from migrator.migration.next_start import keep_across_restart
from migrator.migration.prepare import stale_seconds
from migrator.migration.run import Run
from migrator.migration.state import Stage, State
from migrator.migration.undo import Undo, shifted_back
from migrator.migration.watched import watched
from migrator.model.events import Note, Step
from migrator.model.traffic import Abilities, TrafficReading
from migrator.model.verdict import Severity
from migrator.ports import HeldLock, Prober, TrafficSwitch

Turned = TypeVar("Turned")
# HAProxy's counters are sums: a shorter time has too few requests to judge.
_SAMPLE_SECONDS = 1.0
# Percent by which whole weights may miss a share.
_READ_BACK = 1.0
# Soak times that a step waits for `gates.minRequests` before it fails.
_MAX_SOAK_TIMES = 4


@dataclass(slots=True, frozen=True)
class CutoverInputs:
    """What a cutover shifts, and what judges it."""

    course: Course
    gates: Gates
    probes: tuple[Probe, ...]
    switch: TrafficSwitch
    prober: Prober
    lock: HeldLock
    """The lock on green: without it green gets no more traffic; going back to blue does not ask it."""
    green_ahead: float = 0.0
    """Green's time, less this process's monotonic time."""


@dataclass(slots=True, frozen=True)
class Consent:
    """What a person allows with the connections that are open on blue at the end."""

    wait_seconds: float = 0.0
    """How long they may end by themselves."""
    end: bool = False
    """Whether what is open then is ended."""


def require_verdict(state: State, gates: Gates, now: Moment) -> None:
    """Raise BlockedError unless the journal holds a good verdict that is not too old, by this machine's clock and by green's."""
    if state.stage is Stage.RETIRED:
        raise BlockedError("this migration is retired", hint="start a new one with another name")
    if state.stage is Stage.ON_GREEN:
        raise BlockedError("all traffic is on green already", hint="`migrator status` shows where things stand")
    if state.stage is Stage.CUTTING_OVER:
        return  # an interrupted cutover had its verdict; its gates judge every step again
    if state.good_verdict is None:
        raise BlockedError("there is no good verdict since the last copy", hint="run `migrator validate` first")
    ages = state.good_verdict.ages(now)
    if min(ages) < 0:
        raise BlockedError(
            f"the last good verdict lies {-min(ages) / 60:.1f} minutes in the future: a clock was set back",
            hint="run `migrator validate` again",
        )
    age = max(ages)
    if age > gates.verdict_age.total_seconds():
        raise BlockedError(f"the last good verdict is {age / 60:.0f} minutes old", hint="run `migrator validate` again")


def look(switch: TrafficSwitch, run: Run) -> None:
    """Read what the load balancer does, and write it down where the journal does not say so; an interrupted run left that open.

    Raises BlockedError when traffic that the journal has on green is not there.
    """
    reading = switch.read()
    state = run.state
    if state.announced_percent is None and _has_share(reading, state.green_percent):
        return
    # Somebody else has moved it; taking that over unseen would hide a rollback by hand.
    if state.stage is Stage.ON_GREEN and state.announced_percent is None:
        raise BlockedError(
            f"green has {_shares(reading)} of the traffic, but the journal says all of it",
            hint="`migrator rollback` takes the rest back, too; then validate and cut over again",
        )
    run.reporter.emit(Note(f"the load balancer has {_shares(reading)} of the traffic on green", warning=True))
    run.write(Shifted(reading.green_percent, dict(reading.servers)))


def settle_blue(switch: TrafficSwitch, consent: Consent, run: Run) -> tuple[dict[str, int] | None, dict[str, int]]:
    """Wait for what is open on blue, and end it where that is allowed.

    Returns what is open then by server, None when nobody tells, and what was ended, by server.
    """
    try:
        left = wait_until_blue_is_left(switch, run, consent.wait_seconds) if consent.wait_seconds else switch.read().blue_sessions
        if not (left and consent.end):
            return left, {}
        run.reporter.emit(Step(f"ending {counted(left)} on blue"))
        ended = switch.end_on_blue()
        return switch.read().blue_sessions, ended
    except TrafficError as error:
        run.reporter.emit(Note(f"the open connections are unknown on blue: {error.message}", warning=True))
        return None, {}


def cut_over(inputs: CutoverInputs, turn: Callable[[], Turned], back: WayBack, run: Run) -> Turned:
    """Hand over what runs on one side only, then shift traffic; whatever ends that, take both back and raise what it was.

    A MigratorError becomes a GateFailedError.

    Raises TrafficError when the traffic cannot be taken back, and JournalError when there is no room for what an undo would write.
    """
    # Before the first change: a disk that is full in the middle must not keep the way back from being written down.
    run.ledger.reserve()
    # ^C in the middle of the undo would leave traffic on green with nobody who watches it; only the work itself lets it through.
    with run.interruptions.held_back():
        try:
            with run.interruptions.let_through():
                run.write(CutoverStarted())
                # Before the traffic: green must not get requests while its database or leader still runs on blue.
                turned = turn()
                shift_traffic(inputs, run)
                keep_across_restart(inputs.switch, run)
                # `retire` measures the wait by green's clock, too: this machine's may be set meanwhile.
                run.write(ClocksCompared(inputs.green_ahead + run.clock.monotonic()))
                run.write(CutoverEnded(good=True))
                run.ledger.sync()
        except BaseException as error:
            _take_back(error, inputs.switch, back, run)
            raise
    return turned


def _take_back(error: BaseException, switch: TrafficSwitch, back: WayBack, run: Run) -> None:
    """Take all back, then write it down; raises an error for a person, and nothing for what is to be raised as it is."""
    # Read before the undo changes it: the record is to say how much traffic green had when the gate failed.
    percent, why = run.state.most_percent, _reason(error)
    undo = Undo(run)
    traffic = undo.traffic(switch)
    undo.show(Note(f"{why}: all traffic is back on blue" if traffic is None else f"{why}: {traffic.message}", warning=True))
    # After the act, unlike elsewhere: the traffic must come back even where the journal cannot be written.
    undo.write(GateFailed(why, percent))
    if undo.withdrawal:
        undo.write(shifted_back(undo.withdrawal))
    # Only after the traffic, in reverse of the cutover: green's workloads serve until nobody asks them.
    undo.hand_back(back)
    if traffic is None:
        undo.look_again(switch)
        undo.keep_across_restart(switch)
        undo.write(CutoverEnded(good=False, reason=why, undone=tuple(undo.undone)))
    for text in undo.left:
        undo.show(Note(f"{text}; `migrator rollback` finishes it", warning=True))
    if traffic is not None:
        raise TrafficError(
            f"{why}; the traffic cannot be taken back: {traffic.message}",
            hint=f"{traffic.hint or 'look at it'} Green may have {percent:g} %: run `migrator rollback` when it answers",
        ) from error
    if isinstance(error, MigratorError):
        raise GateFailedError(f"{why}; all traffic is back on blue", hint=error.hint or "see `migrator report`") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted by {str(error).replace('SIGINT', '^C') or '^C'}"
    return reason(error) if isinstance(error, Exception) else type(error).__name__


def require_judges(inputs: CutoverInputs, run: Run) -> None:
    """Say what judges a step of switches that count nothing; raises BlockedError when nothing would."""
    can = inputs.switch.abilities()
    if can.uncounted and not inputs.probes:
        raise BlockedError(
            f"nothing can judge the steps: {', '.join(can.uncounted)} has no request counters, and there are no probes",
            hint="add `probes:` that ask through it",
        )
    if can.uncounted:
        names = ", ".join(probe.name for probe in inputs.probes)
        run.reporter.emit(Note(f"{', '.join(can.uncounted)} has no request counters: the probes judge each step ({names})"))
    stale = stale_seconds(can.stale_seconds, run)
    if stale > inputs.course.soak:
        run.reporter.emit(Note(f"clients may stay behind on blue for {stale:.0f} s after a step, so each is watched for that long"))


def shift_traffic(inputs: CutoverInputs, run: Run) -> None:
    """Shift traffic step by step, starting at the share that green has; raises GateFailedError at the first gate that fails."""
    steps = inputs.course.steps
    for percent in steps:
        # An interrupted cutover goes on at the share that green has; the last step always runs: only its gate ends a cutover.
        if percent >= run.state.green_percent - _READ_BACK or percent == steps[-1]:
            _step(percent, inputs, run)


def shift(percent: float, switch: TrafficSwitch, run: Run) -> None:
    """Announce green's share in the journal, set it, and record the weights that were read back."""
    run.write(ShiftAnnounced(percent))
    run.ledger.sync()
    reading = switch.shift(percent)
    run.write(Shifted(reading.green_percent, dict(reading.servers)))


def _step(percent: float, inputs: CutoverInputs, run: Run) -> None:
    """Shift this share to green, watch it for the soak time, and judge it; raises GateFailedError."""
    run.reporter.emit(Step(f"{percent:g} % of traffic to green"))
    # Counters are read before the share is set, so that the first requests of the step are in its window.
    before = inputs.switch.read()
    _require_share(before, run.state.green_percent)  # somebody may have gone back meanwhile
    # Immediately before the shift: after a pause of this process another run may have taken the Lease.
    inputs.lock.require()
    shift(percent, inputs.switch, run)
    can = inputs.switch.abilities()
    window = _watch(percent, before, can, inputs, run)
    green = window.green
    if can.counters:
        require_enough(green, percent, inputs.gates)
    judge(window, inputs.gates)
    _probe(percent, inputs)
    if can.counters:
        staying = window.blue.sessions
        run.reporter.emit(
            Note(f"{percent:g} %: open now: {staying} on blue, which stay there until they end, {green.sessions} on green")
        )
    run.write(GatePassed(percent=percent, requests=green.requests, errors=green.errors, latency_ms=green.latency_ms))


def _watch(percent: float, before: TrafficReading, can: Abilities, inputs: CutoverInputs, run: Run) -> Window:
    """Return the counters of the step once its soak time is over and there were enough requests, or no more time for them.

    It is over when clients can have stayed behind no longer.
    """
    soak = max(inputs.course.soak, stale_seconds(can.stale_seconds, run))
    began = run.clock.monotonic()
    while True:
        run.clock.sleep(min(_SAMPLE_SECONDS, max(soak / 5, 0.05)))
        # Without a request: it is renewed in the background.
        inputs.lock.check()
        window = _sample(percent, before, inputs.switch, run)
        passed = run.clock.monotonic() - began
        enough = not can.counters or window.green.requests >= inputs.gates.min_requests
        run.reporter.emit(watched(percent, window, can, passed=passed, soak=soak, wanted=inputs.gates.min_requests))
        # A bad share of few requests is chance; later than that, waiting only costs more failures.
        if window.green.requests >= ENOUGH_TO_COMPARE:
            judge(window, inputs.gates)
        if can.uncounted:
            _probe(percent, inputs)
        if passed >= soak and (enough or passed >= soak * _MAX_SOAK_TIMES):
            return window


def _sample(percent: float, before: TrafficReading, switch: TrafficSwitch, run: Run) -> Window:
    """Record and return both sides' counters since `before`; raises GateFailedError when somebody changed the weights."""
    reading = switch.read()
    window = Window(*reading.since(before))
    run.write(Sampled(reading.green_percent, SideSample.of(window.green), SideSample.of(window.blue)))
    _require_share(reading, percent)
    return window


def _require_share(reading: TrafficReading, percent: float) -> None:
    if not _has_share(reading, percent):
        raise GateFailedError(f"weights were changed from outside: green has {_shares(reading)}, not {percent:g} %")


def _has_share(reading: TrafficReading, percent: float) -> bool:
    return all(abs(share - percent) <= _READ_BACK for share in reading.percents)


def _shares(reading: TrafficReading) -> str:
    return " to ".join(f"{share:g} %" for share in sorted(set(reading.percents)))


def _probe(percent: float, inputs: CutoverInputs) -> None:
    for probe in inputs.probes:
        finding = inputs.prober.probe(probe)
        if finding.severity is not Severity.OK:
            raise GateFailedError(f"probe {finding.subject} at {percent:g} %: {finding.reason}", hint=finding.hint)
