"""A program's time and output have an end."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from migrator.adapters.clock import SystemClock
from migrator.errors import HostError
from migrator.ssh.bounded import TooLongError, pipe_of, require_shorter, run

LONGEST = 1 << 20


def ask(line: str, stdin: bytes = b"", timeout: float = 600.0) -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell."""
    clock = SystemClock()
    return run(["sh", "-c", line], stdin, ends=clock.monotonic() + timeout, clock=clock, longest=LONGEST)


@pytest.mark.parametrize("stream", ["", ">&2"], ids=["output", "errors"])
def test_a_program_that_prints_without_end_is_ended(stream: str) -> None:
    """It would fill the memory within the time that it has; what is as long as it may be is whole."""
    with pytest.raises(TooLongError):
        ask(f"yes {stream}")
    done = ask(f"head -c {LONGEST} /dev/zero {stream}; exit 3")
    assert (done.returncode, len(done.stdout), len(done.stderr)) == ((3, 0, LONGEST) if stream else (3, LONGEST, 0))


def test_input_and_output_that_fill_pipes_stop_no_program() -> None:
    """Both go on at once; a program that reads no input ends as it ends."""
    content = os.urandom(LONGEST)
    assert ask("cat", stdin=content).stdout == content
    assert ask("exec 0<&-; echo done", stdin=content).stdout == b"done\n"


def test_what_a_program_has_started_is_not_waited_for_when_its_time_is_over(tmp_path: Path) -> None:
    """The background process keeps the output open."""
    with pytest.raises(TimeoutError):
        ask(f"sleep 1000 & echo $! > {tmp_path}/started", timeout=0.5)
    os.kill(int((tmp_path / "started").read_text()), signal.SIGKILL)


def test_content_may_be_as_long_as_it_may_be() -> None:
    """One byte more is too long."""
    require_shorter(bytearray(4), 4)
    with pytest.raises(TooLongError):
        require_shorter(bytearray(5), 4)


def test_a_program_without_a_pipe_is_an_error() -> None:
    """It was started otherwise than this module does."""
    with pytest.raises(HostError, match="no pipe"):
        pipe_of(None)
