"""When a fault begins."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.support.faults.moments import Lines, Moments
from tests.support.faults.plan import Counted


def test_an_action_runs_once_at_its_count() -> None:
    """Only what is awaited counts, from the moment on at which it is awaited."""
    moments = Moments()
    moments.tick(Counted.REQUEST)
    seen: list[int] = []
    moments.await_count(Counted.REQUEST, 2, lambda: seen.append(moments.counts[Counted.REQUEST]))
    for what in (Counted.LINE, Counted.REQUEST, Counted.COMMAND, Counted.REQUEST, Counted.REQUEST):
        moments.tick(what)
    assert seen == [2]


def test_an_action_may_await_the_next_moment() -> None:
    """The second signal follows the first at anything that the verb does."""
    moments = Moments()
    seen: list[str] = []

    def first() -> None:
        seen.append("first")
        moments.await_count(None, 2, lambda: seen.append("second"))

    moments.await_count(Counted.LINE, 1, first)
    for what in (Counted.LINE, Counted.COMMAND, Counted.REQUEST, Counted.REQUEST):
        moments.tick(what)
    assert seen == ["first", "second"]


def test_lines_are_counted_where_room_is_reserved_behind_them(tmp_path: Path) -> None:
    """The zeros behind a journal's last line are none; lines that replace them are."""
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(b'{"a":1}\n' + bytes(64))
    moments, came = Moments(), threading.Event()
    moments.await_count(Counted.LINE, 2, came.set)
    lines = Lines(journal, moments)
    with journal.open("r+b") as file:
        file.seek(8)
        file.write(b'{"b":2}\n')
    assert came.wait(60)
    lines.close()


def test_a_forgotten_action_does_not_run() -> None:
    """After the end of its verb a fault does not begin any more."""
    moments = Moments()
    seen: list[str] = []
    moments.await_count(Counted.LINE, 1, lambda: seen.append("late"))
    moments.forget()
    moments.tick(Counted.LINE)
    assert seen == []
