"""Shorten, some time before a cutover, how long clients may stay behind after it, and tell what to expect of the traffic."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.errors import TrafficError
from migrator.journal.records.traffic import PrepareAnnounced
from migrator.migration.run import Run
from migrator.model.events import Note, Step
from migrator.ports import Reporter, TrafficSwitch


@dataclass(slots=True, frozen=True)
class Prepared:
    """What came of it."""

    stale_seconds: float
    """How long clients may stay behind after a change, from `ready_at` on."""
    ready_at: float
    """When what was there before is forgotten everywhere; seconds since 1970."""


def prepare(switch: TrafficSwitch, run: Run) -> Prepared:
    """Shorten the time, announced in the journal; raises TrafficError. Run again, it does nothing more."""
    before = switch.abilities().stale_seconds
    if before:
        run.write(PrepareAnnounced(before))
        run.ledger.sync()
        run.reporter.emit(Step(f"clients may stay behind for {before:g} s now; that is shortened"))
        switch.prepare()
    return Prepared(switch.abilities().stale_seconds, max(run.state.stale_until, run.clock.now()))


def stale_seconds(switch_seconds: float, run: Run) -> float:
    """Return how long clients may stay behind after a change that is made now."""
    return max(switch_seconds, run.state.stale_until - run.clock.now())


def tell(switch: TrafficSwitch, reporter: Reporter) -> None:
    """Say what a cutover and a rollback can and cannot do with this switch; one that does not answer is a warning."""
    try:
        can = switch.abilities()
    except TrafficError as error:
        reporter.emit(Note(f"what traffic moves through does not answer: {error.message}", warning=True))
        return
    if can.levels:
        reporter.emit(Note(f"traffic moves in steps of {', '.join(f'{level:g}' for level in can.levels)} % only"))
    if can.uncounted:
        reporter.emit(Note(f"{', '.join(can.uncounted)} has no request counters: probes judge each step"))
    if can.stale_seconds:
        text = f"clients may stay behind for {can.stale_seconds:g} s after each step and after a rollback"
        reporter.emit(Note(f"{text}; `migrator prepare` shortens that where it can"))
