"""Output that goes nowhere, or nowhere at the moment."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from migrator.cli.streams import LastingOutput, reader_is_gone

FULL = "/dev/full"


def test_a_full_disk_is_noted_once_and_never_raised() -> None:
    """Nothing that is printed may end what is under way."""
    descriptor = os.open(FULL, os.O_WRONLY)
    output = LastingOutput(descriptor, patience=None)
    assert output.write(b"all traffic is on blue\n") == 23
    assert output.lost is not None
    assert output.lost.errno == errno.ENOSPC
    assert not reader_is_gone(output.lost)
    first = output.lost
    assert output.write(b"more") == 4
    assert output.lost is first
    os.close(descriptor)


def test_a_reader_that_is_gone_is_told_from_other_errors() -> None:
    """`| head` is no failure that anybody must read of."""
    read, write = os.pipe()
    os.close(read)
    output = LastingOutput(write, patience=0.05)
    output.write(b"a line\n")
    assert output.lost is not None
    assert reader_is_gone(output.lost)
    os.close(write)


def test_a_stopped_terminal_is_not_waited_for_and_told_of_what_is_missing() -> None:
    """^S in the middle of a cutover stops the words, not the cutover."""
    master, slave = os.openpty()
    output = LastingOutput(slave, patience=0.05)
    output.write(b"first\n")
    termios.tcflow(slave, termios.TCOOFF)
    for number in range(200):
        output.write(b"left out %d\n" % number)
    assert output.lost is None
    termios.tcflow(slave, termios.TCOON)
    output.write(b"last\n")
    seen = os.read(master, 1 << 16)
    while b"last" not in seen:
        seen += os.read(master, 1 << 16)
    assert b"first" in seen
    assert b"lines are missing here" in seen
    assert b"left out" not in seen
    for descriptor in (master, slave):
        os.close(descriptor)


@pytest.mark.parametrize(
    ("where", "code"),
    [(">/dev/full", 1), ("2>/dev/full", 0), (">&- 2>&-", 0), (">&- 2>&- <&-", 0), ("| :; exit ${PIPESTATUS[0]}", 141)],
)
def test_a_verb_runs_to_its_end_wherever_its_words_go(where: str, code: int) -> None:
    """A result that could not be shown is told in one line, and by the exit code."""
    # `schema` prints more than a pipe holds, so that the end of the reader is met.
    command = f"{sys.executable} -m migrator schema {where}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == code
    if code == 1:
        assert done.stderr.splitlines()[0] == "migrator: standard output did not take the result: No space left on device"
        assert "Traceback" not in done.stderr
