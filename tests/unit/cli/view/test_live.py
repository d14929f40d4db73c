"""The table of a cutover's step."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from migrator.cli import render
from migrator.cli.view.live import view
from migrator.model.events import Note, Progress, SideSeen, Watched

SIDES = (SideSeen("green", 25, 3, 1200, 40.0, 0.05, 12.4), SideSeen("blue", 75, 0, 0, 0.0, 0.0, 0.0))


def event(sides: tuple[SideSeen, ...] = SIDES, waits: str = "20 s more") -> Watched:
    """Return one."""
    return Watched("25 %: in words", 10, 30, 25, sides, waits)


def shown(one: Watched, *, width: int = 100) -> list[str]:
    """Return the lines of the table."""
    console = Console(file=io.StringIO(), width=width)
    console.print(view(one))
    text = console.file.getvalue() if isinstance(console.file, io.StringIO) else ""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_both_sides_have_a_row() -> None:
    """With what the gate waits for; a side that nobody asks has no times."""
    lines = shown(event())
    assert lines[0] == "25 % on green, 10 of 30 s; the gate waits for 20 s more"
    assert "green 25 % 1,200 40 5.0% 12 ms 3" in lines
    assert "blue 75 % 0 0 - - 0" in lines


def test_a_narrow_terminal_cuts_no_number() -> None:
    """Sixty columns hold a busy site's."""
    busy = SideSeen("blue", 75, 12_345, 123_456_789, 9_876.0, 0.0, 1_234.0)
    assert "blue 75 % 123,456,789 9,876 0.0% 1234 ms 12,345" in shown(event((busy,)), width=60)


def test_without_counters_there_are_no_rows() -> None:
    """It says who judges."""
    assert any("judged by probes" in line for line in shown(event((), "")))


def test_a_terminal_gets_the_table_and_others_a_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """And a spinner before or after it takes its place."""
    with render.Screen() as screen:
        screen.emit(event())
    assert capsys.readouterr().err == "  25 %: in words: 10 of 30\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with render.Screen() as screen:
        for one in (Progress("before", 1, 2), event(), Progress("after", 1, 2), event(), Note("done")):
            screen.emit(one)
    err = capsys.readouterr().err
    assert "25 % on green, 10 of 30 s" in err
    assert err.endswith("done\n")
