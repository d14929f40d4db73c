"""What is printed is what the tool says: text of a cluster cannot clear, colour or fake a line (review of safety, finding 27)."""

from __future__ import annotations

import io
import json
from pathlib import Path

import click
import pytest

from migrator.cli import render
from migrator.cli.boundary import guarded
from migrator.errors import BlockedError, ConfigError
from migrator.model.events import Note, Progress, Step, Watched
from migrator.untrusted import printable
from tests.support.clock import FakeClock
from tests.support.hostile import HOSTILE


@pytest.mark.parametrize("text", HOSTILE)
def test_a_line_is_one_line_without_control_characters(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a part holds, one line comes out."""
    render.line(render.word("blocked"), f" {text}")
    out = capsys.readouterr().out
    assert out.endswith("\n")
    assert out.count("\n") == 1
    assert "\r" not in out


def test_a_value_that_fills_screens_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """An annotation may have 256 KiB, and a ConfigMap a MiB; JSON has all of it."""
    render.line("reason: ", "x" * 300_000, " end")
    with render.Screen() as screen:
        screen.emit(Note("y" * 300_000))
    shown = capsys.readouterr()
    assert shown.out.endswith("x… (280000 more characters) end\n")
    assert len(shown.err) < 21_000


@pytest.mark.parametrize("text", HOSTILE)
def test_json_on_a_terminal_has_escapes_and_means_the_same(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A control character of one byte, or one that turns the order of letters, is legal in JSON, and a terminal would obey it."""
    render.result_json([{text: text}])
    out = capsys.readouterr().out
    assert printable(out.replace("\n", "")) == out.replace("\n", "")
    assert json.loads(out) == [{text: text}]


@pytest.mark.parametrize("text", HOSTILE)
def test_events_and_errors_are_cleaned(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Steps, notes, progress, messages and hints: a faked line is marked as a part of another one."""
    with render.Screen() as screen:
        for event in (Step(text), Note(text, warning=True), Progress(text, 1, 2)):
            screen.emit(event)
    render.error(BlockedError(f"{text}\nverdict: good", hint=f"{text}\nverdict: good"))
    err = capsys.readouterr().err
    assert not any(ord(char) < 0x20 and char != "\n" for char in err)
    assert "\nverdict" not in err
    assert "\n  | verdict: good" in err


def test_every_mistake_of_a_file_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A ConfigError prints one line per issue, then its hint, and its exit code is 2."""

    def fail() -> None:
        raise ConfigError(["m.yaml:1: a", "m.yaml:2: b"], hint="look")

    assert guarded(fail) == 2
    assert capsys.readouterr().err.splitlines() == ["migrator: m.yaml:1: a", "migrator: m.yaml:2: b", "  → look"]


def test_words_have_their_colour_and_others_have_none() -> None:
    """Only words of the closed sets are styled."""
    assert render.word("blocked").styled.startswith("\x1b[")
    assert render.word("\x1b[2J").styled == "\\x1b[2J\x1b[0m"


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_report_is_a_page_and_json_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str) -> None:
    """Both are written either way, for their owner alone; what is printed is where they lie, or the JSON."""
    (tmp_path / "r.html").touch(0o644)
    render.report("<p>à</p>", {"a": [1]}, tmp_path / "r.html", output=output)
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == "<p>à</p>"
    assert json.loads((tmp_path / "r.json").read_bytes()) == {"a": [1]}
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("r.html", "r.json")] == [0o600, 0o600]
    shown = capsys.readouterr().out
    assert (json.loads(shown) if output == "json" else shown) == (
        {"a": [1]} if output == "json" else f"{tmp_path}/r.html and {tmp_path}/r.json\n"
    )


def test_a_plain_line_that_says_the_same_is_rare(capsys: pytest.CaptureFixture[str]) -> None:
    """A log of a wait of ten minutes is not 120 equal lines."""
    clock = FakeClock()
    clock.pass_time(100)
    with render.Screen(clock=clock) as screen:
        for seconds, done in ((0, 1), (6, 1), (6, 2), (2, 3), (4, 3), (50, 3), (11, 3)):
            clock.pass_time(seconds)
            screen.emit(Progress("ready", done, 5))
    assert capsys.readouterr().err.split("\n") == ["  ready: 1 of 5", "  ready: 2 of 5", "  ready: 3 of 5", "  ready: 3 of 5", ""]


def test_a_count_of_nothing_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A step of a cutover that soaks for no time has no seconds to count."""
    clock = FakeClock()
    clock.pass_time(100)
    with render.Screen(clock=clock) as screen:
        screen.emit(Watched("5 %: green 3 requests", 0, 0, 5.0, (), ""))
        clock.pass_time(10)
        screen.emit(Progress("reading blue", 4, 0))
    assert capsys.readouterr().err.split("\n") == ["  5 %: green 3 requests", "  reading blue: 4", ""]


@pytest.mark.parametrize(("name", "value", "coloured"), [("NO_COLOR", "1", False), ("NO_COLOR", "", True), ("TERM", "dumb", False)])
def test_there_are_no_colours_where_they_are_not_wanted(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    coloured: bool,  # noqa: FBT001
) -> None:
    """A shell in an editor shows escape sequences as they are."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    assert ("\x1b" in render.word("good").styled) is coloured


def test_a_question_in_the_middle_of_a_verb_names_yes_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a cron job it was told as an interruption, and to run the same command again."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(click.UsageError, match=r"Go on\? Nobody is there to answer: give --yes"):
        render.agreed("Go on?", yes=False)
    assert render.agreed("Go on?", yes=True)
