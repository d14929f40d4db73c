"""A program gets a time and a room for its output; nothing that it started outlives it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from migrator.adapters.limited import run_limited
from migrator.errors import CommandFailedError
from tests.support.sandbox import until


def run(tmp_path: Path, script: str, *arguments: str, seconds: float = 60.0) -> str:
    """Run a script of Python."""
    return run_limited((sys.executable, "-c", script, *arguments), seconds=seconds, most=1000, folder=tmp_path)


def test_what_it_prints_is_returned(tmp_path: Path) -> None:
    """It works in its folder, gets no input, and its arguments as they are."""
    assert (
        run(tmp_path, "import os, sys; print(os.getcwd(), sys.argv[1], sys.stdin.read())", "$(x); 'a'")
        == f"{tmp_path} $(x); 'a' \n"
    )


@pytest.mark.parametrize("channel", ["stdout", "stderr"])
def test_more_than_there_is_room_for_is_a_failure(tmp_path: Path, channel: str) -> None:
    """A program that never stops printing is ended at once."""
    with pytest.raises(CommandFailedError, match="it prints more than 1000 bytes"):
        run(tmp_path, f"import sys\nwhile True: print('x' * 100, file=sys.{channel}, flush=True)")


def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """A child that holds the output open, too."""
    with pytest.raises(CommandFailedError, match=r"not done within 0\.3 s"):
        run_limited(("sh", "-c", "sleep 1000 & echo $! > child; wait"), seconds=0.3, most=1000, folder=tmp_path)
    begun = [Path(f"/proc/{path.read_text().strip()}/stat") for path in tmp_path.glob("child")]
    until(lambda: all(not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z" for state in begun))


def test_a_failure_has_its_words_in_printable_form(tmp_path: Path) -> None:
    """What it complained of, or what it printed."""
    with pytest.raises(CommandFailedError, match=r"ended with 3: a\\x1bb"):
        run(tmp_path, "import os; print('a\\x1bb', flush=True); os._exit(3)")
    with pytest.raises(CommandFailedError, match="ended with 127"):
        run_limited(("a\0b",), seconds=1, most=10, folder=tmp_path)


def test_a_program_ends_when_it_ends_whatever_it_leaves_in_the_background(tmp_path: Path) -> None:
    """Its child holds the output open; what was said until then is the output (docker/docker-agent#2462)."""
    script = "echo '{}'; sleep 1000 & echo $! > child"
    assert run_limited(("sh", "-c", script), seconds=60, most=1000, folder=tmp_path) == "{}\n"
    state = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/stat")
    until(lambda: not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z")
