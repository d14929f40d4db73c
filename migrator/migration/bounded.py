"""Work that is waited for no longer than a limit, whatever the libraries below it wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from migrator.errors import MigratorError, UnavailableError

if TYPE_CHECKING:
    from migrator.ports import Clock

T = TypeVar("T")
R = TypeVar("R")
# Requests in flight to one cluster.
_AT_ONCE = 16


@dataclass(slots=True)
class Answers(Generic[T, R]):
    """What came of each item."""

    done: dict[T, R] = field(default_factory=dict)
    failed: dict[T, Exception] = field(default_factory=dict)


class InBackground(Generic[R]):
    """One piece of work that has begun; a process that ends does not wait for it."""

    def __init__(self, work: Callable[[], R], clock: Clock) -> None:
        self._work = work
        self._clock = clock
        self._began = clock.monotonic()
        # Not a Future: its pool would wait for hanging threads when the process ends (concurrent.futures).
        self._results: SimpleQueue[tuple[R | None, Exception | None]] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def result(self, seconds: float) -> R:
        """Return the result; raises what the work raised, UnavailableError once `seconds` have passed since it began."""
        left = self._began + seconds - self._clock.monotonic()
        try:
            value, error = self._results.get(timeout=max(left, 0.0))
        except Empty:
            raise UnavailableError(f"no answer within {seconds:g} s") from None
        if error is not None:
            raise error
        return value  # type: ignore[return-value]

    def _run(self) -> None:
        try:
            self._results.put((self._work(), None))
        except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
            self._results.put((None, error))


def each(items: Iterable[T], work: Callable[[T], R], *, seconds: float, clock: Clock) -> Answers[T, R]:
    """Do the work for all items in parallel; one that fails, or has not ended after `seconds`, keeps no other one back."""
    # A dict keeps the order, and each item once.
    left = dict.fromkeys(items)
    waiting: SimpleQueue[T] = SimpleQueue()
    results: SimpleQueue[tuple[T, R | None, Exception | None]] = SimpleQueue()
    for item in left:
        waiting.put(item)
    for _ in range(min(_AT_ONCE, len(left))):
        threading.Thread(target=_work_off, args=(waiting, work, results), daemon=True).start()
    answers: Answers[T, R] = Answers()
    deadline = clock.monotonic() + seconds
    try:
        while left:
            item, value, error = results.get(timeout=max(deadline - clock.monotonic(), 0.0))
            del left[item]
            if error is None:
                answers.done[item] = value  # type: ignore[assignment]
            else:
                answers.failed[item] = error
    except Empty:
        answers.failed |= dict.fromkeys(left, UnavailableError(f"no answer within {seconds:g} s"))
    finally:
        _empty(waiting)  # else it would be done after its failure was told
    return answers


def reason(error: Exception) -> str:
    """Return why something failed; of a bug only its kind, since its text may hold data."""
    return error.message if isinstance(error, MigratorError) else f"a bug: {type(error).__name__}"


def _work_off(waiting: SimpleQueue[T], work: Callable[[T], R], results: SimpleQueue[tuple[T, R | None, Exception | None]]) -> None:
    while True:
        try:
            item = waiting.get_nowait()
        except Empty:
            return
        try:
            results.put((item, work(item), None))
        except Exception as error:  # noqa: BLE001 - one strange object keeps no other one back
            results.put((item, None, error))


def _empty(waiting: SimpleQueue[T]) -> None:
    while True:
        try:
            waiting.get_nowait()
        except Empty:
            return
