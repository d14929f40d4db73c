"""A person's program moves traffic; what it prints is checked, however hostile."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from migrator.config.command import CommandConfig
from migrator.errors import TrafficError
from migrator.model.traffic import Abilities
from migrator.traffic.command import Command
from tests.contract.switches import Place, SwitchContract

SET = ("sh", "-c", 'printf %s "$0" > share', "{percent}")
READ = ("sh", "-c", """printf '{"greenPercent": %s}' "$(cat share)" """)


def adapter(folder: Path, **more: Any) -> Command:
    """Return the adapter under test; its program keeps the share in a file."""
    (folder / "share").write_text("0")
    given = {"name": "edge", "set": SET, "read": READ, **more}
    return Command(CommandConfig.model_validate(given), relative_to=folder)


def printing(text: str) -> tuple[str, ...]:
    """Return a program that prints something."""
    return ("printf", "%s", text)


def asked(folder: Path) -> str:
    """Return where a client goes."""
    share = float((folder / "share").read_text())
    return {0.0: "blue", 100.0: "green"}.get(share, "either")


class TestCommand(SwitchContract):
    """A program is a switch like any other."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        """Return it."""
        return Place(adapter(tmp_path), lambda: asked(tmp_path))


class TestAllOrNothing(SwitchContract):
    """One that knows no shares."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        """Return it."""
        return Place(adapter(tmp_path, shares=False), lambda: asked(tmp_path))


def test_what_it_can_do_stands_in_the_file(tmp_path: Path) -> None:
    """No program is asked for it."""
    assert adapter(tmp_path).abilities() == Abilities(counters=False, uncounted=("command edge",))
    assert adapter(tmp_path, counters=True, shares=False, stale="5s").abilities() == Abilities((0, 100), stale_seconds=5)


def test_counters_are_taken_where_the_file_says_so(tmp_path: Path) -> None:
    """What is left out is 0; what is not known is left alone."""
    sides = {"blue": {"requests": 7}, "green": {"requests": 3, "errors": 1, "latencyMs": 2.5, "sessions": 4}, "more": []}
    read = printing(json.dumps({"greenPercent": 25, **sides}))
    reading = adapter(tmp_path, read=read, counters=True).read()
    assert (reading.green_percent, reading.blue.requests, reading.green.errors, reading.green.latency_ms) == (25, 7, 1, 2.5)
    assert (reading.green_sessions, reading.servers) == ({"green": 4}, {"blue": 75, "green": 25})
    assert adapter(tmp_path, read=read).read().green.requests == 0
    with pytest.raises(TrafficError, match="`read` prints no counters"):
        adapter(tmp_path, counters=True).read()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "25",
        "[]",
        "{}",
        '{"greenPercent": 101}',
        '{"greenPercent": -1}',
        '{"greenPercent": NaN}',
        '{"greenPercent": "many"}',
        '{"greenPercent": 1, "green": {"requests": -1}}',
        '{"greenPercent": 1, "green": {"requests": 1e999}}',
        "[" * 20000,
        '{"greenPercent": 1',
        "\x1b[2Jok",
    ],
)
def test_what_is_no_answer_is_an_error_in_one_printable_line(tmp_path: Path, text: str) -> None:
    """With what was printed, in part."""
    with pytest.raises(TrafficError, match=r"^command edge: `read` prints ") as caught:
        adapter(tmp_path, read=printing(text)).read()
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ((sys.executable, "-c", "print('x' * 100000)"), "it prints more than 65536 bytes"),
        ((sys.executable, "-c", "import sys; sys.exit('no \\x1b[31mway')"), r"ended with 1: no \\x1b\[31mway"),
        (("/no/such/program",), r"`/no/such/program` ended with 127: No such file"),
    ],
)
def test_a_program_that_fails_is_told_by_its_name(tmp_path: Path, program: tuple[str, ...], words: str) -> None:
    """Without its arguments, which may hold secrets."""
    with pytest.raises(TrafficError, match=words) as caught:
        adapter(tmp_path, read=(*program, "--token=s3cret")).read()
    assert "s3cret" not in caught.value.message


def test_a_share_that_is_not_taken_is_an_error(tmp_path: Path) -> None:
    """It is read back."""
    with pytest.raises(TrafficError, match=r"green has 0 % after `set` of 25 %"):
        adapter(tmp_path, set=(sys.executable, "-c", "", "{percent}")).shift(25)


@pytest.mark.parametrize("read", [("sh", "-c", 'test "$(cat share)" = 0 && printf %s "$0"'), ("printf", "%s")])
def test_the_way_back_is_set_whatever_read_says_before(tmp_path: Path, read: tuple[str, ...]) -> None:
    """It may ask green, which is down: it fails, or prints no counters. Who was on green is then unknown."""
    switch = adapter(tmp_path, read=(*read, '{"greenPercent": 0}'), counters=True, stale="7s")
    (tmp_path / "share").write_text("100")
    withdrawal = switch.withdraw(end_connections=True)
    assert (asked(tmp_path), withdrawal.reading.green_percent) == ("blue", 0)
    assert withdrawal.stale_seconds == (0 if read[0] == "printf" else 7)


def test_a_way_back_that_nobody_can_read_back_is_an_error(tmp_path: Path) -> None:
    """After it was set."""
    (tmp_path / "share").write_text("100")
    with pytest.raises(TrafficError, match="`read` prints nothing"):
        adapter(tmp_path, read=("true",)).withdraw(end_connections=True)
    assert asked(tmp_path) == "blue"


def test_clients_may_stay_behind_after_a_way_back(tmp_path: Path) -> None:
    """For as long as the file says, if there was something on green."""
    switch = adapter(tmp_path, stale="7s")
    assert switch.withdraw(end_connections=True).stale_seconds == 0
    switch.shift(50)
    assert switch.withdraw(end_connections=True).stale_seconds == 7


def test_it_prepares_and_keeps_nothing(tmp_path: Path) -> None:
    """That is the program's own."""
    assert (adapter(tmp_path).prepare(), adapter(tmp_path).after_restart()) == (0, ())
