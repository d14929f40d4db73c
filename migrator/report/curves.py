"""Samples of a cutover as points of both sides. Counters begin anew with each step, so rates are taken within one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from migrator.journal.records.base import Entry
from migrator.journal.records.traffic import Sampled, SideSample
from migrator.report.svg import Point

Samples = Sequence[Entry[Sampled]]


def rates(samples: Samples) -> tuple[list[Point], list[Point]]:
    """Return the requests per second of blue and of green, between one sample and the next."""
    blue: list[Point] = []
    green: list[Point] = []
    for before, after in pairwise(samples):
        seconds = after.at - before.at
        if seconds > 0 and before.record.percent == after.record.percent:
            blue.append((after.at, max(0, after.record.blue.requests - before.record.blue.requests) / seconds))
            green.append((after.at, max(0, after.record.green.requests - before.record.green.requests) / seconds))
    return blue, green


def errors(samples: Samples) -> tuple[list[Point], list[Point]]:
    """Return the errors of blue and of green in percent of their requests since the step began; none without requests."""
    return (
        [(sample.at, _rate(sample.record.blue)) for sample in samples if sample.record.blue.requests],
        [(sample.at, _rate(sample.record.green)) for sample in samples if sample.record.green.requests],
    )


def _rate(side: SideSample) -> float:
    return 100 * side.errors / side.requests
