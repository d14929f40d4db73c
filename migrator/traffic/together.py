"""Ask several at once, within a limit; one that fails or is silent keeps nobody from the others."""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from migrator.errors import MigratorError, TrafficError
from migrator.model.traffic import SideCounters, TrafficReading
from migrator.untrusted import printable

T = TypeVar("T")
R = TypeVar("R")


def ask_all(
    whom: Mapping[str, T], ask: Callable[[T], R], *, patience: float | None = None
) -> tuple[dict[str, R], dict[str, Exception]]:
    """Return the answers and the errors, by name, in the order of `whom`.

    With `patience`, who has not answered that many seconds after the first good answer counts as silent. What was asked
    of it may still happen: only ask so what may.
    """
    done: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    answers: dict[str, R] = {}
    errors: dict[str, Exception] = {}

    def one(name: str, item: T) -> None:
        try:
            answer = ask(item)
        except Exception as error:  # noqa: BLE001 - it is the answer of this one
            done.put(functools.partial(errors.__setitem__, name, error))
        else:
            done.put(functools.partial(answers.__setitem__, name, answer))

    for name, item in whom.items():
        # Daemons: one that hangs must not keep the process from ending.
        threading.Thread(target=one, args=(name, item), daemon=True).start()
    while len(answers) + len(errors) < len(whom):
        try:
            # The first good answer starts the time; until then each has its own limits.
            done.get(timeout=patience if answers else None)()
        except queue.Empty:
            break
    silent = TrafficError(f"no answer within {patience} s after another's")
    errors |= {name: silent for name in whom if name not in answers and name not in errors}
    return {name: answers[name] for name in whom if name in answers}, {name: errors[name] for name in whom if name in errors}


def summed(readings: Mapping[str, TrafficReading]) -> TrafficReading:
    """Return one reading of several: counts are added, the slowest latency counts, servers carry the name of their switch."""
    shares = [share for reading in readings.values() for share in reading.percents]
    return TrafficReading(
        green_percent=max(shares),
        least_percent=min(shares),
        blue=SideCounters.added(reading.blue for reading in readings.values()),
        green=SideCounters.added(reading.green for reading in readings.values()),
        servers=named({name: reading.servers for name, reading in readings.items()}),
        blue_sessions=named({name: reading.blue_sessions for name, reading in readings.items()}),
        green_sessions=named({name: reading.green_sessions for name, reading in readings.items()}),
        parts=dict(readings),
        silent=tuple(f"{name}/{part}" for name, reading in readings.items() for part in reading.silent),
    )


def named(each: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return numbers by server, each server with the name of what it belongs to."""
    return {f"{name}/{server}": number for name, numbers in each.items() for server, number in numbers.items()}


def told(errors: Mapping[str, Exception]) -> str:
    """Return what failed, and where, as one line."""
    return "; ".join(f"{name}: {_words(error)}" for name, error in errors.items())


def first_hint(errors: Mapping[str, Exception]) -> str:
    """Return the first hint that one of them has."""
    return next((error.hint for error in errors.values() if isinstance(error, MigratorError) and error.hint), "")


def _words(error: Exception) -> str:
    return error.message if isinstance(error, MigratorError) else printable(f"{type(error).__name__}: {error}")
